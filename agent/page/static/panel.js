// The page of one box: draws what api/v1/events tells, and asks for what is clicked.

import { Bell } from "./bell.js";
import { decibels, Graphs } from "./graphs.js";
import { Upkeep } from "./upkeep.js";
import { actionWords, callWords, clock, doorWords, duration, momentWords, peerName, stateWords } from "./words.js";

const by = (id) => document.getElementById(id);
const HOLD_S = 2; // a held button lets go by itself so long after the page was last heard of
const RENEW_MS = 700;
const LEAST_MS = 120; // a click must be longer than the debounce time of the box

const MOST_EVENTS = 50;
const API = new URL("api/v1/", location.origin + location.pathname).href; // without a password that stands in the address

let box = null;
let heardAt = 0;

// ---- asking the box

async function post(name, fields = {}, say = tell) {
  const headers = { "X-Kiosk-Panel": "1", "Content-Type": "application/json" };
  const reply = await fetch(API + name, { method: "POST", headers, body: JSON.stringify(fields) }).catch(() => null);
  const failed = reply === null ? "The box does not answer." : reply.ok ? "" : (await reply.json().catch(() => ({}))).error || reply.statusText;
  say(failed);
  return !failed;
}

async function get(name) {
  const reply = await fetch(API + name).catch(() => null);
  return reply && reply.ok ? reply.json() : null;
}

const may = (permission) => Boolean(box && box.permissions.includes(permission));

function tell(problem) {
  by("problem").textContent = problem;
  by("problem").hidden = !problem;
}

// ---- buttons: held for as long as the finger stays, by presses that are renewed

class Push {
  constructor(name) {
    this.name = name;
    this.element = document.createElement("button");
    this.element.type = "button";
    this.element.className = "push";
    this.element.innerHTML = '<span class="cap" aria-hidden="true"></span><b></b><small></small>';
    this.queue = Promise.resolve();
    this.timer = 0;
    const on = (events, act) => events.split(" ").forEach((event) => this.element.addEventListener(event, act));
    on("pointerdown", (event) => { if (event.button) return; this.element.setPointerCapture(event.pointerId); this.down(); });
    on("pointerup pointercancel lostpointercapture blur", () => this.up());
    on("keydown", (event) => { if (" Enter".includes(event.key) && !event.repeat) this.down(); });
    on("keyup", (event) => { if (" Enter".includes(event.key)) this.up(); });
    on("click", (event) => { if (event.detail === 0 && !this.touched) this.down(), this.up(); this.touched = false; });
    on("contextmenu", (event) => event.preventDefault());
  }

  show({ label, actions }) {
    const name = label || this.name;
    const opens = Object.values(actions || {}).some((action) => action.split(":")[0] === "door");
    this.element.disabled = !may("talk") || (opens && !may("open"));
    const told = Object.entries(actions || {}).filter(([, action]) => !action.startsWith("end_"));
    const does = told.map(([gesture, action]) => WHEN[gesture] + actionWords(action));
    this.element.querySelector("b").textContent = name;
    const text = does.join(" · ");
    this.element.querySelector("small").textContent = text.toLowerCase() === name.toLowerCase() ? "" : text;
    const first = Object.values(actions || {}).join(" ");
    this.element.classList.toggle("green", /accept|answer/.test(first));
    this.element.classList.toggle("red", !/accept|answer/.test(first) && /reject|hang_up/.test(first));
  }

  down() {
    if (this.timer) return;
    this.touched = true;
    this.element.classList.add("down");
    this.since = performance.now();
    this.hold(HOLD_S);
    this.timer = setInterval(() => this.hold(HOLD_S), RENEW_MS);
  }

  up() {
    if (!this.timer) return;
    clearInterval(this.timer);
    this.timer = 0;
    this.element.classList.remove("down");
    const rest = Math.max(0, LEAST_MS - (performance.now() - this.since));
    this.queue = this.queue.then(() => new Promise((done) => setTimeout(done, rest)));
    this.hold(0);
  }

  hold(seconds) {
    this.queue = this.queue.then(() => post("press", { button: this.name, hold_s: seconds }));
  }
}

const WHEN = { short: "", long: "long: ", double: "twice: ", held: "hold: ", press: "while down: ", release: "let go: " };

const pushes = new Map();

function drawButtons(buttons) {
  for (const button of buttons) {
    if (!pushes.has(button.name)) {
      pushes.set(button.name, new Push(button.name));
      by("buttons").append(pushes.get(button.name).element);
    }
    pushes.get(button.name).show(button);
  }
}

// ---- lights: the box says the pattern, the page keeps the rhythm

const lights = new Map();

function drawLights(shown) {
  for (const [name, light] of Object.entries(shown)) {
    if (!lights.has(name)) {
      const element = document.createElement("li");
      element.innerHTML = '<span class="led" aria-hidden="true"><i></i></span><span></span>';
      element.lastChild.append(light.label || name, document.createElement("small"));
      by("lights").append(element);
      lights.set(name, { element });
    }
    const one = lights.get(name);
    one.light = light;
    const plain = light.colour === "#ffffff" ? "#ffd75e" : light.colour;
    one.element.querySelector(".led").style.setProperty("--glow", plain);
    one.element.querySelector("small").textContent = light.shape === "off" ? "off" : stateWords(light.state);
    one.element.title = light.shape;
  }
}

function brightness({ shape, level, on_ms, period_ms, count }, t) {
  if (shape === "off" || shape === "steady") return shape === "steady" ? level : 0;
  const phase = t % period_ms;
  if (shape === "pulse") return level * (0.5 - 0.5 * Math.cos((2 * Math.PI * phase) / period_ms));
  return phase < 2 * on_ms * count && phase % (2 * on_ms) < on_ms ? level : 0;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");

function animate() {
  const since = performance.now() - heardAt;
  for (const { element, light } of lights.values()) {
    const value = calm.matches && light.shape !== "off" ? light.level : brightness(light, light.elapsed_ms + since);
    element.querySelector("i").style.opacity = value;
  }
  requestAnimationFrame(animate);
}

// ---- everything else

const TONES = { ready: "good", in_call: "good", ringing: "warn", dialling: "warn", reconnecting: "warn", held: "warn", booting: "warn",
  muted: "warn", do_not_disturb: "warn", offline: "bad", no_sound: "bad", error: "bad" };
const ORDER = ["ringing", "reconnecting", "held", "muted", "dialling", "in_call", "error", "no_sound", "offline", "do_not_disturb", "booting", "ready"];

function drawState(states) {
  const state = ORDER.find((one) => states.includes(one)) || "…";
  const text = stateWords(state);
  if (by("state").textContent !== text) by("state").textContent = text;
  by("state").className = `badge ${TONES[state] || ""}`;
}

const isIncoming = (call) => /^in/i.test(call.direction);

function drawCall() {
  const call = box && box.call;
  const words = call ? [isIncoming(call) ? "From" : "To", peerName(call.answered_by || call.peer), "·", isIncoming(call) && call.status === "ringing" ? "rings" : callWords(call.status)] : ["No call"];
  const text = words.join(" ") + (call && call.muted ? " · microphone off" : "");
  if (by("call").textContent !== text) by("call").textContent = text;
  drawMeters(call);
  const facts = call ? {
    Time: call.since_ms ? clock(Math.max(0, (Date.now() - call.since_ms) / 1000)) : null, Codec: call.codec,
    "Round trip": call.rtt_ms == null ? null : `${Math.round(call.rtt_ms)} ms`,
    Loss: call.loss_percent == null ? null : `${call.loss_percent.toFixed(1)} %`, Quality: call.mos == null ? null : `${call.mos.toFixed(1)} of 5`,
  } : {};
  const known = Object.entries(facts).filter(([, value]) => value != null);
  by("quality").replaceChildren(...known.map(([name, value]) => {
    const pair = document.createElement("div");
    pair.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
    return pair;
  }));
  by("quality").hidden = !known.length;
}

function drawMeters(call) {
  const [said, heard] = call ? [decibels(call.level_in), decibels(call.level_out)] : [null, null];
  by("meters").hidden = said == null && heard == null;
  for (const [id, level] of [["level-in", said], ["level-out", heard]]) {
    if (level == null) continue;
    by(id).value = level;
    by(id).textContent = `${Math.round(level)} dB`;
  }
}

function drawTalk({ states, call }) {
  by("answer").hidden = !(may("talk") && states.includes("ringing"));
  by("hang-up").hidden = !(may("talk") && call);
  by("hang-up").textContent = states.includes("ringing") && !states.includes("in_call") ? "Refuse" : "Hang up";
}

function drawMoment(moment) {
  const row = document.createElement("li");
  const at = new Date(moment.at_ms);
  const time = Object.assign(document.createElement("time"), { textContent: at.toLocaleTimeString(), dateTime: at.toISOString() });
  row.append(time, Object.assign(document.createElement("span"), { textContent: momentWords(moment) }));
  by("events").prepend(row);
  while (by("events").children.length > MOST_EVENTS) by("events").lastChild.remove();
  if (moment.moment === "test tone") upkeep.listen();
}

function drawAbout() {
  if (!box || box.up_s == null) return;
  const up = duration(box.up_s + (performance.now() - heardAt) / 1000);
  const last = box.last_error ? `, last trouble: ${box.last_error.why} (${new Date(box.last_error.at_ms).toLocaleString()})` : "";
  const text = `Version ${box.version}, running for ${up}${last}`;
  if (by("about").textContent !== text) by("about").textContent = text;
}

function drawControls({ volume_percent: volume, sound, states }) {
  by("volume").disabled = by("quiet").disabled = !may("talk");
  by("quiet").checked = states.includes("do_not_disturb");
  if (volume != null && document.activeElement !== by("volume")) by("volume").value = volume;
  by("volume-value").textContent = volume == null ? "" : `${volume} %`;
  const trouble = sound && sound.state !== "open" ? `Sound: ${sound.state}${sound.reason ? `, ${sound.reason}` : ""}` : "";
  by("sound").textContent = trouble;
  by("sound").hidden = !trouble;
}

function drawDoors({ doors, may_open: mayOpen }) {
  if (by("doors").children.length !== mayOpen.length || [...by("doors").children].some((one, at) => one.value !== mayOpen[at])) {
    by("doors").replaceChildren(...mayOpen.map((name) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "wide", value: name });
      button.addEventListener("click", () => post("door", { door: name }));
      return button;
    }));
  }
  for (const button of by("doors").children) {
    button.disabled = doors[button.value];
    button.textContent = doorWords(button.value, doors[button.value]);
  }
}

function drawTroubles({ service, troubles }) {
  const offline = service && !service.ready && service.reason ? [`Offline: ${service.reason}`] : [];
  const told = [...offline, ...Object.values(troubles || {})];
  by("troubles").hidden = !told.length;
  by("troubles").replaceChildren(...told.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
}

function drawRecent(calls) {
  by("no-recent").hidden = calls.length > 0;
  by("recent").replaceChildren(...calls.map((call) => {
    const row = document.createElement("tr");
    const when = new Date(call.at_ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const length = call.duration_s ? `${call.outcome}, ${clock(call.duration_s)}` : call.outcome;
    const cells = [isIncoming(call) ? "↙" : "↗", peerName(call.answered_by || call.peer), length, when];
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    row.firstChild.setAttribute("aria-label", call.direction);
    return row;
  }));
}

function draw(status) {
  box = status;
  heardAt = performance.now();
  box.states ||= [];
  by("identity").textContent = box.identity;
  bell.show(box.states.includes("ringing"), box.identity);
  by("edge").textContent = box.edge ? `by way of ${box.edge}` : "";
  drawState(box.states);
  drawLights(box.lights || {});
  drawButtons(box.buttons || []);
  drawCall();
  drawTalk(box);
  if (box.call) graphs.add(box.call, heardAt);
  drawControls(box);
  drawDoors(box);
  drawAbout();
  drawTroubles(box);
  drawRecent(box.recent_calls || []);
  upkeep.show(may("mend"));
}

function lost() {
  by("state").textContent = "no answer from the box";
  by("state").className = "badge bad";
}

const bell = new Bell(by("tone"));
const graphs = new Graphs(by("graphs"));
const upkeep = new Upkeep(get, post);
for (const name of ["answer", "hang-up"]) by(name).addEventListener("click", () => post(name));
by("quiet").addEventListener("change", () => post("do-not-disturb", { on: by("quiet").checked }));
by("volume").addEventListener("input", () => { by("volume-value").textContent = `${by("volume").value} %`; });
by("volume").addEventListener("change", () => post("volume", { percent: Number(by("volume").value) }));
setInterval(() => { drawCall(); drawAbout(); }, 1000);
animate();

const events = new EventSource(`${API}events`);
events.addEventListener("moment", (event) => drawMoment(JSON.parse(event.data)));
events.addEventListener("doctor", (event) => upkeep.doctor(JSON.parse(event.data)));
events.addEventListener("message", (event) => draw(JSON.parse(event.data)));
events.addEventListener("error", lost);
