// A model as a graph, of a part whose settings are all in its form. value: {settings, values (of the boxes),
// note}
const graph = modelGraph($(".graph"), $(".details"));
const show = () => {
  if (props.value?.values) graph.show(props.value.values);
  $(".footnote").textContent = props.value?.note ?? "";
};
loadInitial(show);
