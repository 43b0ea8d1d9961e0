// The SDK's first generation behind the words that the tests use.

let device = null;
let call = null;

const phone = {
  start(token, server) {
    device = new Twilio.Device();
    watch("device", device, ["ready", "offline", "incoming", "connect", "disconnect", "cancel", "error"],
      (name, [what]) => (name === "error" ? [number(what)] : []));
    device.on("incoming", (incoming) => phone.take(incoming));
    device.setup(token, {
      chunderw: server, eventgw: server, audioConstraints: PLAIN, codecPreferences: ["opus", "pcmu"],
      enableIceRestart: true, enableRingingState: true,
    });
  },
  take(next) {
    call = next;
    watch("call", call, ["accept", "cancel", "disconnect", "error", "mute", "reconnecting", "reconnected", "reject", "ringing"],
      (name, [what]) => (name === "error" ? [number(what)] : []));
  },
  isReady: () => device.status() === "ready",
  dial(params) { phone.take(device.connect(params)); },
  accept: () => call.accept(PLAIN),
  state: () => call.status(),
  renew: (token) => device.updateToken(token),
  hasReturned: () => happened("device", "offline") && times("device", "ready") > 1,
};
