// Where an event of this page stands in the server's queue, shown for the whole page: Gradio's own sign for it belongs to
// a component, and dims it. Every message of the queue passes here on its way to Gradio (demos/serve.py puts this first).
(() => {
  const PATIENCE = 400; // ms: whoever waits less sees nothing
  const waiting = new Map(); // id of a waiting event -> how many come before it
  let place = null,
    timer = null;
  const tell = () => {
    if (!place) {
      place = document.createElement("div");
      place.className = "waiting";
      place.setAttribute("role", "status");
      document.querySelector(".gradio-container").append(place); // the style sheet reaches no further
    }
    const first = Math.min(...waiting.values());
    place.hidden = !waiting.size;
    if (first === 0) place.textContent = "The server is busy with others. You are next.";
    else if (waiting.size)
      place.textContent = `The server is busy with others. ${first === 1 ? "One run is" : `${first} runs are`} waiting before yours.`;
  };
  const later = () => {
    clearTimeout(timer);
    if (place && !place.hidden) tell();
    else timer = setTimeout(tell, PATIENCE);
  };
  const hear = (line) => {
    if (!/^data: ?\{"msg":"(estimation|process_|close_stream)/.test(line.slice(0, 40))) return;
    const id = line.match(/"event_id":"(\w+)"/)?.[1]; // a frame is long: it is not parsed twice
    if (line.includes('"msg":"estimation"', 5)) {
      waiting.set(id, JSON.parse(line.slice(5)).rank);
      later();
    } else if (waiting.delete(id)) later();
  };
  const listening = () => {
    const text = new TextDecoder();
    let rest = "";
    return new TransformStream({
      transform(chunk, out) {
        out.enqueue(chunk);
        const lines = (rest + text.decode(chunk, { stream: true })).split("\n");
        rest = lines.pop();
        lines.forEach(hear);
      },
      flush() {
        waiting.clear();
        later();
      },
    });
  };
  const fetched = window.fetch;
  // Gradio cancels a run by an id, which the answer to its start brings. Where that is still to come, it would cancel
  // nothing, and the run go on unseen: so the cancellation waits for it, and the next start of the same for that.
  const starts = new Map(), // fn_index -> what the last start was answered
    cancels = new Map(); // fn_index -> the cancellation that waits
  const start = async (url, options) => {
    const { fn_index } = JSON.parse(options.body);
    await cancels.get(fn_index);
    const answer = fetched(url, options),
      told = answer.then((response) => response.clone().json());
    starts.set(
      fn_index,
      told.catch(() => ({})),
    );
    return answer;
  };
  const cancel = (url, options) => {
    const asked = JSON.parse(options.body),
      started = starts.get(asked.fn_index);
    if (asked.event_id || !started) return fetched(url, options);
    const send = async () => {
      const { event_id } = await started;
      return fetched(url, { ...options, body: JSON.stringify({ ...asked, event_id }) });
    };
    const sent = send();
    cancels.set(
      asked.fn_index,
      sent.catch(() => {}),
    );
    return sent;
  };
  window.fetch = async (...request) => {
    const url = request[0] instanceof Request ? request[0].url : String(request[0]),
      path = new URL(url, location.href).pathname;
    if (path.endsWith("/queue/join")) return start(request[0], request[1]);
    if (path.endsWith("/cancel")) return cancel(request[0], request[1]);
    const answer = await fetched(...request);
    if (!answer.ok || !answer.body || !path.endsWith("/queue/data")) return answer;
    return new Response(answer.body.pipeThrough(listening()), answer);
  };
})();
