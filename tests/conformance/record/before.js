// Loaded before the SDK: writes down what the browser does for it. See ../transcript.py for the lines.

const record = [];
const isLater = () => Boolean(Twilio.Call);  // the SDK 2.x
let device = null;
let connection = null;
const connections = [];
let microphone = { refusal: "", delayMs: 0 };

function put(line) {
  record.push({ t: performance.timeOrigin + performance.now(), ...line });
}

function statuses() {
  const found = {};
  try {
    found.dev = isLater() ? device.state : device.status();
  } catch {
    found.dev = "(not set up)";
  }
  if (connection) found.conn = connection.status();
  const stream = device && (device._stream || device.stream);
  if (stream) found.pstream = stream.status;
  return found;
}

// A value as text that can be compared: objects of the SDK by name, descriptions and functions by a mark.
function shown(value, depth = 0) {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return value.startsWith("v=0") ? "<sdp>" : value;
  if (typeof value === "function") return "<fn>";
  if (typeof value !== "object") return value;
  if (value instanceof Twilio.Device) return "<Device>";
  if (value instanceof (Twilio.Call || Twilio.Connection)) {
    return `<${isLater() ? "Call" : "Connection"} ${value.parameters.CallSid || value.outboundConnectionId} ${value.status()}>`;
  }
  if (value instanceof HTMLElement) return `<${value.tagName}>`;
  if (value.constructor && value.constructor.name === "PStream") return `<PStream ${value.status}>`;
  if (value instanceof Error) return shownError(value);
  if (Array.isArray(value)) return value.map((each) => shown(each, depth + 1));
  if (depth > 5) return "...";
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shown(each, depth + 1)]));
}

function shownError(error) {
  const found = { "!class": isLater() ? error.name : "Error", message: error.message };
  if (error.originalError) found.originalError = shown(error.originalError);
  if (error.code !== undefined) Object.assign(found, { code: error.code, description: error.description });
  return found;
}

const PlainSocket = window.WebSocket;
let sockets = 0;

window.WebSocket = function (url) {
  const id = ++sockets;
  const host = new URL(url).host;
  const isOwn = host === location.host;  // asked for with `chunderw`, which is left out of what is told
  put({ k: "ws", id, ev: "new", url: isOwn ? "wss://chunderw-vpc-gll.twilio.com/signal" : url });
  const socket = new PlainSocket(isOwn ? url : `wss://${location.host}/signal?${host}`);
  const wire = (dir, data) => {
    if (data === "\n") return put({ k: "wire", dir, id, heartbeat: true });
    try {
      put({ k: "wire", dir, id, msg: JSON.parse(data) });
    } catch {
      put({ k: "wire", dir, id, raw: data });
    }
  };
  socket.addEventListener("open", () => put({ k: "ws", id, ev: "open" }));
  socket.addEventListener("error", () => put({ k: "ws", id, ev: "error" }));
  socket.addEventListener("close", (e) => put({ k: "ws", id, ev: "close", code: e.code, reason: e.reason }));
  socket.addEventListener("message", (e) => wire("in", e.data));
  const [send, close] = [socket.send.bind(socket), socket.close.bind(socket)];
  socket.send = (data) => { wire("out", data); send(data); };
  socket.close = (...args) => { put({ k: "ws", id, ev: "client-close", args }); close(...args); };
  return socket;
};
Object.assign(window.WebSocket, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });

const PlainPeer = window.RTCPeerConnection;
let peers = 0;

window.RTCPeerConnection = function (...args) {
  const id = ++peers;
  put({ k: "pc", id, ev: "new" });
  const peer = new PlainPeer(...args);
  for (const ev of ["iceConnectionState", "connectionState", "iceGatheringState", "signalingState"]) {
    peer.addEventListener(`${ev.toLowerCase()}change`, () => put({ k: "pc", id, ev, state: peer[ev] }));
  }
  peer.addEventListener("icecandidate", (e) => put({ k: "pc", id, ev: "candidate", cand: e.candidate ? "<candidate>" : null }));
  const apply = peer.setRemoteDescription.bind(peer);
  peer.setRemoteDescription = (description, ...rest) => {
    put({ k: "pc", id, ev: "setRemoteDescription", type: description.type, sdp: description.sdp });
    return apply(description, ...rest);
  };
  return peer;
};
window.RTCPeerConnection.prototype = PlainPeer.prototype;

const plainInsert = RTCDTMFSender.prototype.insertDTMF;

RTCDTMFSender.prototype.insertDTMF = function (tones, duration, gap) {
  put({ k: "dtmf", ev: "insertDTMF", tones, duration, gap });
  return plainInsert.call(this, tones, duration, gap);
};

const plainGetUserMedia = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);

navigator.mediaDevices.getUserMedia = async (constraints) => {
  put({ k: "gum", ev: "call", constraints: shown(constraints) });
  await new Promise((resolve) => setTimeout(resolve, microphone.delayMs));
  if (microphone.refusal) {
    put({ k: "gum", ev: "error", err: { name: microphone.refusal } });
    throw new DOMException("not here", microphone.refusal);
  }
  const stream = await plainGetUserMedia(constraints);
  put({ k: "gum", ev: "ok" });
  return stream;
};

function report(body) {
  const { group, name, level, payload } = JSON.parse(body);
  const payload_keys = Object.keys(Array.isArray(payload) ? payload[0] : payload);
  put({ k: "http", group, name, level, payload_keys, payload });
}

const plainSend = XMLHttpRequest.prototype.send;

XMLHttpRequest.prototype.send = function (body) {
  try {
    report(body);
  } catch {
    // a sound file, not a report
  }
  return plainSend.call(this, body);
};

const plainFetch = window.fetch.bind(window);

// Reports of 2.x go where the server says, which is nowhere here.
window.fetch = async (url, options) => {
  if (!String(url).includes("/v4/Endpoint")) return plainFetch(url, options);
  report(options.body);
  return new Response("{}", { status: 200 });
};
