// JsSIP phones in one page, each by its user's name; what they said is kept, and what they hear is measured.
import JsSIP from 'jssip';

const phones = {};
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
const MEDIA = { mediaConstraints: { audio: PLAIN, video: false } };
const OF_PHONE = ['connected', 'disconnected', 'registered', 'unregistered', 'registrationFailed'];
const OF_CALL = ['progress', 'accepted', 'confirmed', 'ended', 'failed', 'newDTMF', 'hold', 'unhold', 'reinvite', 'update'];

class Phone {
  constructor(user, password, domain, edges, more) {
    this.events = [];
    this.born = performance.now();
    const weight = (place) => edges.length - place; // it would take any of them first
    const sockets = edges.map((uri, place) => ({ socket: new JsSIP.WebSocketInterface(uri), weight: weight(place) }));
    this.ua = new JsSIP.UA({
      sockets, uri: `sip:${user}@${domain}`, password, register_expires: 60,
      connection_recovery_min_interval: 1, connection_recovery_max_interval: 4, ...more,
    });
    for (const name of OF_PHONE) this.ua.on(name, (data) => this.note(name, data?.cause));
    this.ua.on('newRTCSession', ({ originator, session }) => this.follow(originator, session));
    this.ua.start();
  }

  note(name, what) {
    this.events.push([performance.now(), name, String(what ?? '')]);
  }

  follow(originator, session) {
    this.session = session;
    this.note('session', originator);
    for (const name of OF_CALL) {
      session.on(name, (data) => this.note(name, data?.dtmf?.tone ?? data?.cause ?? data?.originator));
    }
    if (session.connection) this.listen(session.connection);
    session.on('peerconnection', ({ peerconnection }) => this.listen(peerconnection));
  }

  listen(pc) {
    this.pc = pc;
    clearInterval(this.watch);
    this.watch = setInterval(() => this.count(), 200);
    pc.addEventListener('track', ({ streams }) => {
      const audio = new Audio();
      audio.srcObject = streams[0];
      audio.play();
      const context = new AudioContext({ sampleRate: 48000 });
      const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
      context.createMediaStreamSource(streams[0]).connect(analyser);
      this.ear?.context.close();
      this.ear = { audio, analyser, context };
    });
  }

  // An analyser goes on showing the last sound when no more comes.
  async count() {
    const before = this.packets;
    for (const report of (await this.pc.getStats()).values()) {
      if (report.type === 'inbound-rtp') this.packets = report.packetsReceived;
    }
    this.flows = this.packets > before;
  }

  happened(name, what) {
    return this.events.some((event) => event[1] === name && (what === undefined || event[2] === what));
  }

  times(name) {
    return this.events.filter((event) => event[1] === name).length;
  }

  at(name) {
    return this.events.findLast((event) => event[1] === name)?.[0] ?? null;
  }

  dial(to, headers) {
    this.begun = performance.now();
    this.ua.call(to, { ...MEDIA, extraHeaders: headers });
  }

  answer() {
    this.session.answer(MEDIA);
  }

  restart() {
    this.begun = performance.now();
    return new Promise((done, fail) => {
      const options = { rtcOfferConstraints: { iceRestart: true } };
      this.session.once('ended', ({ cause }) => fail(cause));
      if (!this.session.renegotiate(options, () => done(performance.now() - this.begun))) fail('not now');
    });
  }

  // The loudest frequency of what comes just now, and 0 while it is quiet.
  loudest() {
    if (!this.ear || !this.flows) return 0;
    const bins = new Float32Array(this.ear.analyser.frequencyBinCount);
    this.ear.analyser.getFloatFrequencyData(bins);
    const top = bins.indexOf(Math.max(...bins));
    return bins[top] > -60 ? (top * 48000) / 8192 : 0;
  }

  hears(hz) {
    return Math.abs(this.loudest() - hz) < 20;
  }
}

window.phones = phones;
window.startPhone = (user, ...rest) => {
  phones[user] = new Phone(user, ...rest);
};
