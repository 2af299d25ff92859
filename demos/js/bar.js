// Save, open and link for a part made of Gradio's own components (demos/_keep.py). A press asks, the value answers.
const wish = (value) => { say(""); $(".told").textContent = ""; props.value = value; trigger("input"); };
$(".save").addEventListener("click", () => wish({ action: "save" }));
$(".link").addEventListener("click", () => wish({ action: "link" }));
acceptFiles($(".keep"), $(".open"), (png) => wish({ action: "open", png }));
watch("value", async () => {
  const answer = props.value;
  if (answer?.error) say(answer.error);
  if (answer?.png && answer.file) download(answer.png, answer.file);
  if (answer?.settings) $(".told").textContent = await copyLink(answer.settings);
  if (answer?.told) $(".told").textContent = answer.told;
});
