// Where an event of this page stands in the server's queue, told for the whole page: Gradio's own sign for it belongs to
// a component, and dims it. Every message of the queue passes here on its way to Gradio (demos/_serve.py puts this first).
(() => {
  const PATIENCE = 400; // ms: who waits shorter is told nothing
  const waiting = new Map(); // id of a waiting event -> how many come before it
  let place = null, timer = null;
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
    else if (waiting.size) place.textContent = `The server is busy with others. ${first === 1 ? "One run is" : `${first} runs are`} waiting before yours.`;
  };
  const later = () => { clearTimeout(timer); if (place && !place.hidden) tell(); else timer = setTimeout(tell, PATIENCE); };
  const hear = (line) => {
    if (!/^data: ?\{"msg":"(estimation|process_|close_stream)/.test(line.slice(0, 40))) return;
    const id = line.match(/"event_id":"(\w+)"/)?.[1]; // a frame is long: it is not parsed twice
    if (line.includes('"msg":"estimation"', 5)) { waiting.set(id, JSON.parse(line.slice(5)).rank); later(); }
    else if (waiting.delete(id)) later();
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
      flush() { waiting.clear(); later(); },
    });
  };
  const fetched = window.fetch;
  window.fetch = async (...request) => {
    const answer = await fetched(...request);
    const url = request[0]?.url ?? String(request[0]);
    if (!answer.ok || !answer.body || !new URL(url, location.href).pathname.endsWith("/queue/data")) return answer;
    return new Response(answer.body.pipeThrough(listening()), answer);
  };
})();
