// Tells somebody at another window who calls: by a notification where that was allowed, and in the title.

const supported = "Notification" in window;

export class Notice {
  #shown = null;
  #button;

  // `button` asks for the permission: browsers grant it only to somebody who pressed something.
  constructor(button) {
    this.#button = button;
    button.onclick = async () => {
      await Notification.requestPermission();
      this.#offer();
    };
    this.#offer();
  }

  show(caller, title) {
    document.title = caller ? `(!) ${caller} calls` : title;
    if (!caller) {
      this.#shown?.close();
      this.#shown = null;
    } else if (!this.#shown && supported && Notification.permission === "granted" && !document.hasFocus()) {
      this.#shown = this.#notify(caller);
    }
  }

  // Some telephones have notifications for installed programs only, and say so by an exception: the page rings all the same.
  #notify(caller) {
    try {
      const shown = new Notification(`${caller} calls`, { body: "Answer in the window of the phone.", tag: "ring", icon: "phone.svg", requireInteraction: true });
      shown.onclick = () => { window.focus(); shown.close(); };
      return shown;
    } catch {
      return null;
    }
  }

  #offer() {
    this.#button.hidden = !supported || Notification.permission !== "default";
  }
}
