// What states, outcomes and moments are called on the page.

export const STATES = {
  ready: "Ready for calls", in_call: "In a call", ringing: "It rings", dialling: "Calling", reconnecting: "The line is coming back",
  held: "On hold", booting: "Starting", muted: "Microphone is off", do_not_disturb: "Do not disturb", offline: "Not connected",
  no_sound: "No sound", error: "Needs attention", door_open: "Door open",
};
const CALLS = {
  pending: "rings", connecting: "is being connected", ringing: "rings there", open: "talking", reconnecting: "the line is coming back",
  closed: "is over",
};
const MOMENTS = {
  incoming: "Somebody calls", ringing: "It rings there", accept: "Answered", "answered by": "Answered by", reject: "Refused", cancel: "The caller gave up",
  disconnect: "The call is over", dialling: "Calling", "call failed": "The call failed", error: "Error", ready: "Connected",
  offline: "Connection lost", "door open": "Door opened", "door closed": "Door closed", "door code": "Door code", action: "Button",
  "not possible": "Not possible now", trouble: "Needs attention", "trouble over": "In order again", mute: "Microphone off",
  unmute: "Microphone on", held: "On hold", "held no more": "No longer on hold", reconnecting: "The line is lost for now",
  reconnected: "The line is back", "test tone": "Test tone", resumed: "The call goes on", "soon over": "The call will end soon", feedback: "Rating",
};
const DETAILS = { wrong: "wrong", locked: "locked after too many wrong ones" };

const OUTCOMES = { ok: "in order", warning: "could be better", failed: "does not work", skipped: "not tried" };

const plain = (text) => text.replaceAll(/[_:]/g, " ");
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const peerName = (peer) => (peer || "unknown").replace(/^(client|sips?):/, "");
export const stateWords = (state) => STATES[state] || sentence(plain(state));
export const callWords = (status) => CALLS[status] || plain(status);
// Reads well with whatever a door is called: "Open gate", "Gate is open", "Open the door".
const doorName = (door) => (door ? door.replaceAll(/[_-]/g, " ") : "the door");
export const doorWords = (door, isOpen) => (isOpen ? `${sentence(doorName(door))} is open` : `Open ${doorName(door)}`);
export const actionWords = (action) => {
  const [what, whom] = [action.split(":")[0], action.split(":").slice(1).join(":")];
  return what === "door" ? `open ${doorName(whom)}` : plain(action);
};

export const checkWords = (outcome) => OUTCOMES[outcome] || plain(outcome);
export const heardWords = (tested) => (tested ? sentence([checkWords(tested.outcome), tested.detail, tested.remedy].filter(Boolean).join(": ")) : "");

export function settingWords({ value, is_hidden: hidden }) {
  if (hidden) return "set, and not shown";
  if (value === "" || value === null || (Array.isArray(value) && !value.length)) return "nothing";
  return Array.isArray(value) ? value.join(", ") : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);
}

export function momentWords({ moment, detail }) {
  const what = MOMENTS[moment] || sentence(plain(moment));
  const isCallId = moment === "accept";
  return detail && !isCallId ? `${what}: ${DETAILS[detail] || (moment === "action" ? plain(detail) : peerName(detail))}` : what;
}

export function duration(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  return hours ? `${hours} h ${minutes} min` : minutes ? `${minutes} min` : "less than a minute";
}

export const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
