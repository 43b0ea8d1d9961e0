// PStream 1.5 over one WebSocket: it listens, registers, echoes heartbeats, and comes back when the socket is lost.

const REGISTER_EVERY_MS = 30_000;
const SILENCE_MS = 15_000;
const BACKOFF_MS = [100, 20_000];

export class Signal extends EventTarget {
  #token;
  #socket = null;
  #failures = 0;
  #closed = false;
  #registering = 0;
  #watchdog = 0;

  // Events are named after the server's messages and carry their payload as `detail`; `lost` is ours.
  constructor(token) {
    super();
    this.#token = token;
    this.#open();
  }

  send(type, payload) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify({ type, version: "1.5", payload }));
    return true;
  }

  renew(token) {
    this.#token = token;
    this.#listen();
  }

  close() {
    this.#closed = true;
    this.#socket?.close();
  }

  #open() {
    const socket = this.#socket = new WebSocket(`wss://${location.host}/signal`);
    socket.onopen = () => this.#listen();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#lost();
    this.#watch();
  }

  #listen() {
    const browser = { userAgent: navigator.userAgent, platform: navigator.platform };
    this.send("listen", { token: this.#token, browserinfo: { p: "browser", v: "phone-page", browser, plugin: "rtc" } });
  }

  #register() {
    clearTimeout(this.#registering);
    this.#registering = setTimeout(() => this.#register(), REGISTER_EVERY_MS);
    this.send("register", { media: { audio: true } });
  }

  #receive(data) {
    this.#watch();
    if (data === "\n") return this.#socket.send("\n");
    const { type, payload = {} } = JSON.parse(data);
    if (type === "connected") this.#register();
    if (type === "ready") this.#failures = 0;
    this.dispatchEvent(new CustomEvent(type, { detail: payload }));
  }

  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#socket.close(), SILENCE_MS);
  }

  #lost() {
    clearTimeout(this.#watchdog);
    clearTimeout(this.#registering);
    this.dispatchEvent(new CustomEvent("lost", { detail: {} }));
    if (this.#closed) return;
    const [first, most] = BACKOFF_MS;
    setTimeout(() => this.#open(), Math.min(first * 2 ** this.#failures++, most) * (1 + 0.4 * Math.random()));
  }
}
