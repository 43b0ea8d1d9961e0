// What states and refusals are called on the page; codes are the voice service's.

const STATES = { dialling: "is being called …", ringing: "it rings there …", connecting: "connecting …", open: "", closed: "over" };
const REFUSALS = {
  31201: "This token does not allow that. Ask whoever runs the switchboard for another one.",
  31204: "The token is not good here. Ask whoever runs the switchboard for another one.",
  31205: "The token is too old. Connect again with a new one.",
  31206: "That was too fast. Wait a moment, then try again.",
  31404: "Nobody of that name is here now.",
  31480: "Nobody answers.",
  31486: "The line is busy.",
  31488: "The other side does not understand this browser's sound.",
  31503: "Too much is going on here at the moment. Try again later.",
  31603: "The call was refused.",
};

export const callWords = (state) => STATES[state] ?? "";
export const peerName = (from) => (from || "somebody unknown").replace(/^(client|sips?):/, "");
export const refusalWords = ({ code, message } = {}) => REFUSALS[code] ?? (message ? `It did not work: ${message}.` : "It did not work. Try again.");

export function failureWords({ name, message }) {
  if (name === "NotAllowedError") return "Allow this page to use the microphone, then try again.";
  if (name === "NotFoundError") return "This device has no microphone.";
  if (name === "TypeError") return "The switchboard does not answer. Is it on, and in this network?";
  return message;
}
