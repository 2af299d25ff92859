// SimCLR as a graph; the picture is chosen here, all else in the form. value: {settings, values (of the boxes), note}
const graph = modelGraph($(".graph"), $(".details"));
const show = () => {
  if (!props.value?.values) return;
  graph.show(props.value.values);
  $(".footnote").textContent = props.value.note;
};
$(".another").addEventListener("click", () =>
  part.request({ scene: (part.form.values().scene + 1) % props.scenes, picture: "" }),
);
acceptFiles(element, $(".file"), async (data) => {
  const picture = await ask(server.own, { picture: data });
  if (picture) part.request({ picture });
});
loadInitial(show);
