// The SDK's second generation behind the words that the tests use.

let device = null;
let call = null;

const phone = {
  start(token, server) {
    device = new Twilio.Device(token, {
      chunderw: server, eventgw: server, codecPreferences: ["opus", "pcmu"], maxCallSignalingTimeoutMs: 30000,
      closeProtection: false, logLevel: "silent",
    });
    watch("device", device, ["registered", "unregistered", "incoming", "error", "tokenWillExpire"],
      (name, [what]) => (name === "error" ? [number(what)] : []));
    device.on("incoming", (incoming) => phone.take(incoming));
    device.register().catch((error) => events.push(["device", "refused", number(error)]));
  },
  take(next) {
    call = next;
    watch("call", call, ["accept", "cancel", "disconnect", "error", "mute", "reconnecting", "reconnected", "reject", "ringing",
      "messageReceived", "messageSent"],
      (name, [what]) => (["error", "reconnecting"].includes(name) ? [number(what)] : [what?.content?.words ?? ""]));
  },
  isReady: () => device.state === "registered",
  async dial(params) { phone.take(await device.connect({ params, rtcConstraints: { audio: PLAIN } })); },
  async resume(connectToken) { phone.take(await device.connect({ connectToken, rtcConstraints: { audio: PLAIN } })); },
  say: (words) => call.sendMessage({ content: { words }, messageType: "user-defined-message" }),
  accept: () => call.accept({ rtcConstraints: { audio: PLAIN } }),
  state: () => call.status(),
  renew: (token) => device.updateToken(token),
  hangUpAll: () => device.disconnectAll(),
  calls: () => device.calls.length,
  hasReturned: () => happened("device", "unregistered") && times("device", "registered") > 1 && happened("call", "reconnected"),
};
