// For whoever looks after the box: sound devices and test tone, self-test, settings. Nothing is asked for before it is opened.

import { checkWords, heardWords, settingWords } from "./words.js";

const by = (id) => document.getElementById(id);
const ROLES = { capture: "microphone", playback: "speaker", ring: "bell" };
const element = (name, fields, ...inside) => {
  const made = Object.assign(document.createElement(name), fields);
  made.append(...inside);
  return made;
};

function tell(id, text) {
  if (by(id).textContent !== text) by(id).textContent = text;
  by(id).hidden = !text;
}

export class Upkeep {
  // `get(name)` and `post(name, fields, tell)` ask the box; get gives null where it does not answer.
  constructor(get, post) {
    this.get = get;
    this.post = post;
    this.settings = [];
    by("sound-part").addEventListener("toggle", () => this.listen());
    by("settings-part").addEventListener("toggle", () => this.read());
    by("all-settings").addEventListener("change", () => this.drawSettings());
    by("play-tone").addEventListener("click", async () => { if (await this.ask("play-tone", "tone-heard")) this.listen(); });
    by("run-doctor").addEventListener("click", () => this.ask("run-doctor", "doctor-state"));
  }

  // Asks for something, and says below its button why it is not done.
  async ask(name, id) {
    let why = "";
    const done = await this.post(name, {}, (problem) => { why = problem; });
    if (!done) tell(id, why);
    return done;
  }

  show(may) {
    by("upkeep").hidden = !may;
  }

  // ---- sound

  async listen() {
    const sound = by("sound-part").open ? await this.get("sound") : null;
    if (!sound) return;
    const none = sound.has_cards ? "None is seen" : "This box has sound without a card";
    const told = sound.devices.map((one) => this.device(one));
    by("devices").replaceChildren(...(told.length ? told : [element("li", { textContent: none })]));
    tell("devices-problem", sound.problem);
    by("play-tone").disabled = sound.tone.is_playing;
    tell("tone-heard", sound.tone.is_playing ? "It plays; the microphone listens" : heardWords(sound.tone.tested));
  }

  device({ name, captures, plays, used_for: used }) {
    const can = [captures && "microphone", plays && "speaker"].filter(Boolean).join(", ");
    const row = element("li", {}, element("b", { textContent: name }), element("small", { textContent: can }));
    if (used.length) row.append(element("em", { textContent: `in use as ${used.map((role) => ROLES[role]).join(", ")}` }));
    return row;
  }

  // ---- self-test

  doctor({ state, testing, checks, problem }) {
    by("run-doctor").disabled = state === "running";
    const bad = checks.filter(({ outcome }) => outcome === "failed").length;
    const result = bad ? `${bad} of ${checks.length} need attention` : "Nothing is broken";
    const words = { never: "", running: testing ? `Testing: ${testing}` : "It begins", done: result, broken: `It did not come to its end: ${problem}` };
    tell("doctor-state", words[state]);
    by("checks").replaceChildren(...checks.map(({ name, outcome, detail, remedy }) => {
      const row = element("li", { className: outcome }, element("b", { textContent: `${name}: ${checkWords(outcome)}` }), element("small", { textContent: detail }));
      if (remedy) row.append(element("em", { textContent: remedy }));
      return row;
    }));
  }

  // ---- settings

  async read() {
    const told = by("settings-part").open ? await this.get("settings") : null;
    if (told) this.settings = told.settings;
    this.drawSettings();
  }

  drawSettings() {
    const shown = this.settings.filter((one) => by("all-settings").checked || !one.is_default);
    by("settings").replaceChildren(...shown.map((one) => element("li", {},
      element("b", { textContent: one.key }), element("small", { textContent: settingWords(one) }))));
  }
}
