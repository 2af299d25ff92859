// A model of the Hub. value: {html, search (settings of the part Search that its button opens)}
const show = () => {
  const value = props.value;
  if (value?.html !== undefined) $(".shown").innerHTML = value.html;
  $(".go").hidden = !value?.search;
};
$(".go").addEventListener("click", () => {
  genai.show("clip/search", { settings: props.value.search });
  genai.select("clip/search");
});
watchRuns(show);
loadInitial(show);
