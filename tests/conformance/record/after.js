// Loaded after the SDK: writes down what it emits, and performs calls of its API.

function watch(emitter, obj) {
  const emit = emitter.emit;
  emitter.emit = function (name, ...args) {
    if (!["newListener", "removeListener", "volume", "sample"].includes(name)) {
      const own = obj !== "device" && this.status && !this.transport ? { own: this.status() } : {};
      put({ k: "event", obj, name, args: args.map((each) => shown(each)), status: statuses(), ...own });
    }
    return emit.call(this, name, ...args);
  };
}

function watchStream() {
  const stream = device._stream || device.stream;
  if (stream && !stream.isWatched) {
    stream.isWatched = true;
    watch(stream, "pstream");
    watch(stream.transport, "wstransport");
  }
}

function target(whom) {
  if (whom === "device") return device;
  const number = parseInt(whom.replace(/\D/g, ""));
  return number ? connections[number - 1] : connection;
}

function act(what, args, told) {
  put({ k: "act", what, args: told, status: statuses() });
  const [whom, ...path] = what.split(".");
  try {
    const owner = path.slice(0, -1).reduce((each, name) => each[name], target(whom));
    const result = owner[path[path.length - 1]](...args);
    watchStream();
    setTimeout(watchStream, 0);
    if (what === "device.connect" && isLater()) result.then(know, () => {});
    else if (what === "device.connect") know(result);
    if (result && result.then) {
      result.then(
        () => put({ k: "act", what: `${what} resolved`, status: statuses() }),
        () => put({ k: "act", what: `${what} REJECTED`, status: statuses() }),
      );
    } else {
      put({ k: "act", what: `${what} returned`, status: statuses() });
    }
  } catch (error) {
    put({ k: "act", what: `${what} THREW`, err: { name: error.name }, status: statuses() });
  }
}

function know(call) {
  if (isLater()) call.on("error", () => {});
  connections.push((connection = call));
}

function create(token, options, told) {
  put({ k: "act", what: "new Device", args: told, status: { dev: null } });
  device = new Twilio.Device(token, options);
  device.on("error", () => {});
  device.on("incoming", know);
  put({ k: "act", what: "new Device returned", status: statuses() });
}

watch(Twilio.Device.prototype, "device");
watch((Twilio.Call || Twilio.Connection).prototype, isLater() ? "call" : "connection");
if (!isLater()) {
  device = new Twilio.Device();
  device.on("incoming", know);
}
