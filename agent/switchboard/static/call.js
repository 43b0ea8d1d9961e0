// One call's media: a peer connection, the microphone, and the descriptions that go over the signaling.

const RESTART_AFTER_MS = 2_000;

export class Call extends EventTarget {
  #signal;
  #peer = new RTCPeerConnection();
  #microphone = null;
  #offer;
  #restarting = 0;
  state = "new";

  // `offer` is what came with an `invite`; without it the call is outgoing. Events: change, track.
  constructor(signal, callsid, partner, offer = null) {
    super();
    Object.assign(this, { callsid, partner });
    this.#signal = signal;
    this.#offer = offer;
    this.#peer.ontrack = ({ streams, track }) => {
      this.remote = streams[0] ?? new MediaStream([track]);
      this.dispatchEvent(new Event("track"));
    };
    this.#peer.oniceconnectionstatechange = () => this.#watchPath();
  }

  get incoming() { return this.#offer !== null; }
  get local() { return this.#microphone; }
  get muted() { return this.#microphone?.getAudioTracks().some((track) => !track.enabled) ?? false; }

  async dial() {
    this.#become("dialling");
    await this.#openMicrophone();
    await this.#peer.setLocalDescription();
    const twilio = { params: `To=${encodeURIComponent(this.partner)}` };
    this.#tell("invite", { sdp: this.#peer.localDescription.sdp, preflight: false, twilio });
  }

  async answer() {
    this.#become("connecting");
    await this.#openMicrophone();
    await this.#peer.setRemoteDescription({ type: "offer", sdp: this.#offer });
    await this.#peer.setLocalDescription();
    this.#tell("answer", { sdp: this.#peer.localDescription.sdp });
    this.#become("open");
  }

  reject() { this.#tell("reject"); this.end(); }
  hangUp() { this.#tell("hangup"); this.end(); }

  ringing({ callsid }) {
    this.callsid = callsid;
    this.#become("ringing");
  }

  async answered({ callsid, sdp }) {
    this.callsid = callsid ?? this.callsid;
    if (sdp && this.#peer.signalingState === "have-local-offer") {
      await this.#peer.setRemoteDescription({ type: "answer", sdp });
    }
    this.#become("open");
  }

  mute(muted) {
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !muted;
    this.dispatchEvent(new Event("change"));
  }

  // Keypad digits as RTP events; as a message where the far end did not negotiate them.
  dialDigits(digits) {
    const sender = this.#peer.getSenders()[0]?.dtmf;
    if (sender?.canInsertDTMF) sender.insertDTMF(sender.toneBuffer + digits, 160, 70);
    else this.#tell("dtmf", { dtmf: digits });
  }

  end() {
    clearTimeout(this.#restarting);
    this.#peer.close();
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#become("closed");
  }

  async #openMicrophone() {
    this.#microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    for (const track of this.#microphone.getTracks()) this.#peer.addTrack(track, this.#microphone);
  }

  #watchPath() {
    clearTimeout(this.#restarting);
    const path = this.#peer.iceConnectionState;
    if (path === "failed") this.#restart();
    if (path === "disconnected") this.#restarting = setTimeout(() => this.#restart(), RESTART_AFTER_MS);
  }

  async #restart() {
    this.#peer.restartIce();
    await this.#peer.setLocalDescription();
    this.#tell("reinvite", { sdp: this.#peer.localDescription.sdp });
    this.#restarting = setTimeout(() => this.#watchPath(), RESTART_AFTER_MS);
  }

  #tell(type, payload = {}) { this.#signal.send(type, { ...payload, callsid: this.callsid }); }

  #become(state) {
    if (this.state === "closed") return;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
