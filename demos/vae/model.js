// The VAE as a graph, and a pad for the picture that goes through it. value: {settings: {model, seed, pixels}, models: {name:
// title}, values (of the boxes)}
const graph = modelGraph($(".graph"), $(".details"));
let seed = 0,
  setting = false; // the pad is being set by a value, and has nothing to ask
const model = () => $(".model").value;
const look = latestOnly(async () => {
  const settings = { model: model(), seed, pixels: base64(board.pixels()) },
    answer = await askOfStage(server.show, settings);
  if (!answer) return;
  shows(settings);
  graph.show(answer.values);
});
const board = drawingPad(
  () => {
    if (!setting) look();
  },
  (n) => ask(server.example, { model: model(), seed: n }),
);
$(".resample").addEventListener("click", () => {
  seed += 1;
  look();
});
$(".model").addEventListener("change", () => {
  if (board.source() === "example") $(".example").click();
  else look();
});
const show = () => {
  const value = props.value;
  if (!value?.settings) return;
  $(".model").replaceChildren(
    ...Object.entries(value.models).map(([name, title]) => make("option", { value: name }, title)),
  );
  $(".model").value = value.settings.model;
  seed = value.settings.seed;
  setting = true;
  board.use(bytes(value.settings.pixels), "example");
  setting = false;
  graph.show(value.values);
};
loadInitial(show);
