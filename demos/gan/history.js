// Training history. value: {settings: {model, frame}, models: {name: title}, steps, strip (PNG: one square sheet a step)}
let value = null,
  frame = 0,
  strip = null,
  timer = null;
const now = $(".now"),
  ctx = now.getContext("2d");
const draw = () => {
  if (!strip) return;
  const side = strip.height;
  now.width = now.height = side;
  ctx.drawImage(strip, frame * side, 0, side, side, 0, 0, side, side);
  $(".at").value = frame;
  $(".step").textContent = value.steps[frame].toLocaleString("en");
  shows({ model: value.settings.model, frame });
  $(".steps").textContent = value.steps.at(-1).toLocaleString("en");
};
const pause = () => {
  clearInterval(timer);
  timer = null;
  $(".play").textContent = "Play";
};
const showRun = () => {
  if (!props.value?.strip) return;
  pause();
  value = props.value;
  frame = value.settings.frame;
  $(".model").replaceChildren(
    ...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)),
  );
  $(".model").value = value.settings.model;
  $(".at").max = value.steps.length - 1;
  const picture = new Image();
  picture.onload = () => {
    strip = picture;
    draw();
  };
  picture.src = "data:image/png;base64," + value.strip;
};
$(".at").addEventListener("input", () => {
  pause();
  if (value) {
    frame = +$(".at").value;
    draw();
  }
});
$(".play").addEventListener("click", () => {
  if (!value) return;
  if (timer) {
    pause();
    return;
  }
  if (frame === value.steps.length - 1) frame = -1;
  $(".play").textContent = "Pause";
  timer = setInterval(() => {
    frame += 1;
    draw();
    if (frame >= value.steps.length - 1) pause();
  }, 600);
});
$(".model").addEventListener("change", () => part.request({ model: $(".model").value, frame }));
loadInitial(showRun);
