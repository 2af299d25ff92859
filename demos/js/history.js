// Training history. value: {tab, part, models: {name: title}, model, frame, steps, strip (PNG: one square sheet a step)}
let value = null, strip = null, timer = null;
const now = $(".now"), ctx = now.getContext("2d");
const draw = () => {
  if (!strip) return;
  const side = strip.height;
  now.width = now.height = side;
  ctx.drawImage(strip, value.frame * side, 0, side, side, 0, 0, side, side);
  $(".at").value = value.frame;
  $(".step").textContent = value.steps[value.frame].toLocaleString("en");
  $(".steps").textContent = value.steps.at(-1).toLocaleString("en");
};
const stop = () => { clearInterval(timer); timer = null; $(".play").textContent = "Play"; };
const open = () => {
  if (!props.value?.strip) { say(props.value?.error ?? ""); return; }
  stop();
  value = JSON.parse(JSON.stringify(props.value));
  $(".model").replaceChildren(...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)));
  $(".model").value = value.model; $(".at").max = value.steps.length - 1;
  const picture = new Image();
  picture.onload = () => { strip = picture; draw(); };
  picture.src = "data:image/png;base64," + value.strip;
};
$(".at").addEventListener("input", () => { stop(); if (value) { value.frame = +$(".at").value; draw(); } });
$(".play").addEventListener("click", () => {
  if (!value) return;
  if (timer) { stop(); return; }
  if (value.frame === value.steps.length - 1) value.frame = -1;
  $(".play").textContent = "Pause";
  timer = setInterval(() => { value.frame += 1; draw(); if (value.frame >= value.steps.length - 1) stop(); }, 600);
});
$(".model").addEventListener("change", async () => {
  const next = await ask(server.frames, { model: $(".model").value });
  if (next) { props.value = { ...next, frame: Math.min(value?.frame ?? 11, next.steps.length - 1) }; open(); } else if (value) $(".model").value = value.model;
});
keep($(".stage"), () => ({ tab: value.tab, part: value.part, model: value.model, frame: value.frame }), server.save, server.restore, (next) => { props.value = next; open(); });
watch("value", open); open();
