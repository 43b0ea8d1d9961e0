// What both pages share: a record of events, and an ear.

const events = []; // [who, name, ...what]
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

function watch(who, emitter, names, describe = () => []) {
  for (const name of names) emitter.on(name, (...args) => events.push([who, name, ...describe(name, args)]));
}

function happened(who, name) {
  return events.some((event) => event[0] === who && event[1] === name);
}

function times(who, name) {
  return events.filter((event) => event[0] === who && event[1] === name).length;
}

function told(who, name, what) {
  return events.some((event) => event[0] === who && event[1] === name && event[2] === what);
}

// An error's number, whichever generation raised it.
function number(error) {
  return error?.code ?? null;
}

let ear = null;

// The loudest frequency of a stream just now; null while it is quiet.
function loudest(stream) {
  if (!stream) return null;
  if (ear?.stream !== stream) {
    const context = new AudioContext({ sampleRate: 48000 });
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(stream).connect(analyser);
    ear = { stream, analyser, context };
  }
  const bins = new Float32Array(ear.analyser.frequencyBinCount);
  ear.analyser.getFloatFrequencyData(bins);
  const top = bins.indexOf(Math.max(...bins));
  return bins[top] > -60 ? (top * 48000) / 8192 : null;
}

function hears(stream, hz) {
  const top = loudest(stream);
  return top !== null && Math.abs(top - hz) < 20;
}

function isQuiet(stream) {
  return loudest(stream) === null;
}
