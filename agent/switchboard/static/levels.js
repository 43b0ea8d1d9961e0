// Shows how loud the call is, both ways.

const EVERY_MS = 100;

export class Levels {
  #context = new AudioContext();
  #timer;

  constructor(said, heard, saidMeter, heardMeter) {
    const pairs = [[said, saidMeter], [heard, heardMeter]].filter(([stream]) => stream);
    const shown = pairs.map(([stream, meter]) => [this.#analyser(stream), meter]);
    this.#timer = setInterval(() => shown.forEach(([analyser, meter]) => { meter.value = level(analyser); }), EVERY_MS);
  }

  close() {
    clearInterval(this.#timer);
    this.#context.close();
  }

  #analyser(stream) {
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(stream).connect(analyser);
    return analyser;
  }
}

function level(analyser) {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const rms = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
  return Math.min(1, Math.max(0, 1 + Math.log10(rms + 1e-5) / 3));
}
