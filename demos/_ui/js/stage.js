// A stage that the server draws as HTML, all of it escaped there. value: {html, shown (what a saved picture
// needs of it besides the settings)}
const show = () => {
  if (props.value?.html !== undefined) $(".shown").innerHTML = props.value.html;
};
watchRuns(show);
loadInitial(show);
if (part) part.shown = () => props.value?.shown ?? null;
