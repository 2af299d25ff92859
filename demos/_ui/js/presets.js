// Pills that set a part's controls and start it. props: part, presets [{label, question, observation}].
const sentence = $(".question");
for (const { label, question, observation } of props.presets) {
  const pill = make("button", { type: "button" }, label);
  pill.addEventListener("click", async () => {
    const chosen = await ask(server.preset, { label });
    if (!chosen) return;
    for (const other of element.querySelectorAll(".pills button"))
      other.setAttribute("aria-pressed", `${other === pill}`);
    sentence.replaceChildren(question);
    const observe = () => {
      if (pill.getAttribute("aria-pressed") === "true" && observation)
        sentence.replaceChildren(question, " ", make("span", { class: "seen" }, observation));
    };
    part.over = null;
    await part.request(chosen);
    if (part.running) part.over = observe;
    else observe();
  });
  $(".pills").append(pill);
}
