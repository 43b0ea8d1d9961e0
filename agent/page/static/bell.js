// Lets somebody at another window know that it rings: in the title, and by a tone where that is wanted.

const TONE_S = 0.9;
const EVERY_MS = 3000;

export class Bell {
  constructor(wanted) {
    this.wanted = wanted;
    this.timer = 0;
    wanted.checked = localStorage.getItem("tone") === "yes";
    wanted.addEventListener("change", () => {
      localStorage.setItem("tone", wanted.checked ? "yes" : "no");
      if (wanted.checked) this.sound();
    });
  }

  show(rings, title) {
    document.title = rings ? `(!) It rings: ${title}` : title;
    if (rings && !this.timer) {
      this.timer = setInterval(() => this.sound(), EVERY_MS);
      this.sound();
    } else if (!rings && this.timer) {
      clearInterval(this.timer);
      this.timer = 0;
    }
  }

  sound() {
    if (!this.wanted.checked) return;
    this.audio ||= new AudioContext();
    this.audio.resume();
    const [tone, loudness, now] = [this.audio.createOscillator(), this.audio.createGain(), this.audio.currentTime];
    tone.frequency.setValueAtTime(660, now);
    tone.frequency.setValueAtTime(520, now + TONE_S / 2);
    loudness.gain.setValueAtTime(0.2, now);
    loudness.gain.exponentialRampToValueAtTime(0.001, now + TONE_S);
    tone.connect(loudness).connect(this.audio.destination);
    tone.start(now);
    tone.stop(now + TONE_S);
  }
}
