// A data set that is not on the server: a button that fetches it, with progress and Stop (demos/_ui/datasets.py).
// place: an empty element; set: {dataset, title, bytes}; done(): goes on where the learner was.
const offerFetch = (place, set, done) => {
  if (place.dataset.set === set?.dataset) return; // it is offered already, or under way
  place.dataset.set = set?.dataset ?? "";
  place.replaceChildren();
  if (!set) return;
  const mb = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`,
    button = make("button", { type: "button", class: "fetch" }, `Fetch ${set.title} (about ${mb(set.bytes)})`),
    bar = make("progress", { max: 1, value: 0, "aria-label": `Fetching ${set.title}` }),
    status = make("p", { class: "caption num", role: "status" }),
    here = () => place.dataset.set === set.dataset && place.contains(button);
  let going = false;
  const rest = (sentence) => {
    going = false;
    bar.hidden = true;
    button.textContent = `Fetch ${set.title} (about ${mb(set.bytes)})`;
    status.textContent = sentence;
  };
  const follow = async () => {
    let begin = true;
    while (going && here()) {
      let answer;
      try {
        answer = await server.fetch({ dataset: set.dataset, begin });
      } catch {
        answer = undefined;
      }
      if (!going || !here()) return;
      const { ok } = answer ?? {};
      if (!ok) return rest(answer?.error ?? "The server does not answer. Is it still running?");
      if (ok.there) {
        offerFetch(place, null, done);
        return done();
      }
      begin = Boolean(ok.waits);
      bar.value = ok.total ? ok.bytes / ok.total : 0;
      status.textContent = ok.waits
        ? "Another data set is being fetched; this one comes next."
        : `${mb(ok.bytes ?? 0)} of ${mb(ok.total || set.bytes)}`;
      await new Promise((next) => setTimeout(next, 300));
    }
  };
  button.addEventListener("click", () => {
    if (going) return rest("Stopped. What is whole is kept; press the button to go on.");
    going = true;
    bar.hidden = false;
    button.textContent = "Stop";
    follow();
  });
  bar.hidden = true;
  place.append(button, bar, status);
};
