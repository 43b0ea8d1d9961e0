// The browser phone: what is on the page, and one call at a time.

import { Call } from "./call.js";
import { Signal } from "./signal.js";
import { Levels } from "./levels.js";
import { Notice } from "./notice.js";
import { startRinging, stopRinging } from "./ringer.js";
import { callWords, failureWords, peerName, refusalWords } from "./words.js";

const $ = (id) => document.getElementById(id);
const KEYS = "123456789*0#";

let signal = null;
let call = null;
let levels = null;
let since = 0;

const config = await (await fetch("config")).json();
$("token-row").hidden = config.demo_tokens;
$("to").value = config.call;
$("name").value ||= localStorage.getItem("name") ?? "";

async function tokenOf(name) {
  if (!config.demo_tokens) return $("token").value.trim();
  const response = await fetch(`token?identity=${encodeURIComponent(name)}`);
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()).token;
}

function say(problem) {
  $("problem").textContent = problem;
  $("problem").hidden = !problem;
}

function show(state, kind = "") {
  $("state").textContent = state;
  $("state").className = `badge ${kind}`;
}

async function connect(name) {
  localStorage.setItem("name", name);
  signal = new Signal(await tokenOf(name));
  const on = (type, handler) => signal.addEventListener(type, ({ detail }) => handler(detail));
  on("connected", ({ token }) => { $("title").textContent = token?.identity ?? name; $("sign-in").hidden = true; draw(); });
  on("ready", () => show("Ready for calls", "ready"));
  on("offline", () => show("Not connected"));
  on("lost", () => show("The connection is coming back"));
  on("error", (payload) => refused(payload.error ?? {}, name));
  on("invite", ring);
  on("ringing", (payload) => call?.ringing(payload));
  on("answer", (payload) => call?.answered(payload));
  on("cancel", ({ callsid }) => { if (call?.callsid === callsid) call.end(); });
  on("hangup", hungUp);
}

async function refused(error, name) {
  if (error.code === 31205 && config.demo_tokens) return signal.renew(await tokenOf(name));
  show("Not let in", "error");
  say(refusalWords(error));
  signal.close();
  $("sign-in").hidden = false;
}

function ring({ callsid, sdp, parameters = {} }) {
  if (call) return;
  begin(new Call(signal, callsid, peerName(parameters.From), sdp));
}

function hungUp({ callsid, error }) {
  if (!call || (callsid && callsid !== call.callsid)) return;
  if (error) say(`${call.partner}: ${refusalWords(error)}`);
  call.end();
}

function begin(next) {
  call = next;
  say("");
  call.addEventListener("change", draw);
  call.addEventListener("track", () => { $("speaker").srcObject = call.remote; });
  draw();
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    if (call?.state === "closed") return;
    say(failureWords(error));
    call?.hangUp();
  }
}

function draw() {
  const state = call?.state;
  if (state === "open" && !since) {
    since = Date.now();
    levels = new Levels(call.local, call.remote, $("said"), $("heard"));
  }
  if (state === "closed") {
    levels?.close();
    [call, since, levels] = [null, 0, null];
    $("speaker").srcObject = null;
  }
  const rings = call?.incoming && call.state === "new";
  if (rings) startRinging();
  else stopRinging();
  notice.show(rings ? call.partner : "", $("title").textContent);
  $("dial").hidden = $("sign-in").hidden === false || call !== null;
  $("incoming").hidden = !rings;
  $("call").hidden = !call || rings;
  $("caller").textContent = $("partner").textContent = call?.partner ?? "";
  $("progress").textContent = callWords(call?.state);
  $("mute").setAttribute("aria-pressed", call?.muted ?? false);
}

function tick() {
  if (!since) return;
  const seconds = Math.floor((Date.now() - since) / 1000);
  $("progress").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function press(key) {
  if (call?.state === "open") call.dialDigits(key);
}

const notice = new Notice($("notify"));
for (const key of KEYS) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = key;
  button.onclick = () => press(key);
  $("keypad").append(button);
}
$("sign-in").onsubmit = (event) => {
  event.preventDefault();
  say("");
  attempt(() => connect($("name").value.trim()));
};
$("dial").onsubmit = (event) => {
  event.preventDefault();
  begin(new Call(signal, `TJS${crypto.randomUUID()}`, $("to").value.trim()));
  attempt(() => call.dial());
};
$("answer").onclick = () => attempt(() => call.answer());
$("reject").onclick = () => call.reject();
$("ignore").onclick = () => call.end();
$("mute").onclick = () => call.mute(!call.muted);
$("hang-up").onclick = () => call.hangUp();
document.onkeydown = (event) => { if (!event.target.matches("input, textarea") && KEYS.includes(event.key)) press(event.key); };
addEventListener("pagehide", () => { call?.hangUp(); signal?.close(); });
setInterval(tick, 500);
$("connect").disabled = false; // earlier the browser would send the form by itself
