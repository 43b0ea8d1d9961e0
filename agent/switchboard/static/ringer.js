// Rings: two tones for a second, then two seconds of silence, until stopped.

const TONES_HZ = [440, 480];
const EVERY_MS = 3000;

let context = null;
let timer = 0;

export function startRinging() {
  if (timer) return;
  context = new AudioContext();
  ringOnce();
  timer = setInterval(ringOnce, EVERY_MS);
}

export function stopRinging() {
  clearInterval(timer);
  timer = 0;
  context?.close();
  context = null;
}

function ringOnce() {
  for (const frequency of TONES_HZ) {
    const gain = new GainNode(context, { gain: 0.08 });
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(gain).connect(context.destination);
    tone.start();
    tone.stop(context.currentTime + 1);
  }
}
