"""A class in three pages: a teacher and two learners."""

import json
import urllib.request

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import expect

from benchmarks._browser import open_part, open_tab, show_preset, visit

PRESET = "T = 1"


@pytest.fixture
def room(url):
    """{"code", "key"} of a class that is open."""
    body = json.dumps({"password": "chalk"}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/class", body, method="POST")) as answer:
        return json.loads(answer.read())


def shows(page, id_):
    page.wait_for_function("id => genai.current === id && genai.parts[id]?.settings", arg=id_)


def answer(page, text):
    return page.get_by_role("group", name="Answers to the class").get_by_role("button", name=text)


FAULTS = """async () => {
  const found = [];
  for (const dark of [false, true]) {
    document.body.classList.toggle('dark', dark);
    const { violations } = await axe.run('.class-bar', { resultTypes: ['violations'] });
    found.push(...violations.flatMap((v) => v.nodes.map((n) => [v.id, n.html.slice(0, 160)])));
  }
  document.body.classList.remove('dark');
  return found;
}"""


def faults(page):
    page.emulate_media(reduced_motion="reduce")
    page.evaluate(AXE_SCRIPT)
    return page.evaluate(FAULTS)


def test_a_teacher_brings_asks_and_reveals(chromium, url, room):
    teacher_link = f"{url}/?tab=distillation&part=model#class={room['code']}&key={room['key']}"
    with visit(chromium, teacher_link) as teacher, visit(chromium, url) as one, visit(chromium, url) as two:
        one.get_by_role("link", name="Join a class").click()
        one.get_by_label("Code").fill(room["code"].lower())
        one.get_by_role("button", name="Join", exact=True).click()
        two.goto(f"{url}/?tab=gan&part=lab#class={room['code']}")
        teacher.get_by_text("2 learners here").wait_for()
        assert "class=" not in two.url + teacher.url
        teacher.get_by_role("spinbutton", name="Temperature T, exact").fill("9.5")
        teacher.get_by_role("spinbutton", name="Temperature T, exact").press("Enter")
        teacher.wait_for_function("genai.parts['distillation/model'].settings.temperature === 9.5")
        teacher.get_by_role("button", name="Bring all here").click()
        for learner in (one, two):
            shows(learner, "distillation/model")
            learner.wait_for_function("genai.parts['distillation/model'].settings.temperature === 9.5")
        open_tab(two, "vae")  # a learner's controls are their own
        open_part(two, "Plane")
        show_preset(teacher, PRESET, "Ask the class")
        answer(one, "Next to nothing").click()
        teacher.get_by_text("1 of 2 learners answered.").wait_for()
        answer(two, "As much as before").click()
        answer(two, "More: these are").click()  # thought better of
        teacher.get_by_text("2 of 2 learners answered.").wait_for()
        assert not one.locator(".class-answers b").count()  # learners see no counts yet
        expect(teacher.locator(".class-answers b")).to_have_text(["0", "1", "1"])
        assert faults(one) == faults(teacher) == []
        two.reload()  # it is back in the class, where its learner was
        shows(two, "vae/plane")
        answer(two, "More: these are").wait_for()
        assert answer(two, "More: these are").get_attribute("aria-pressed") == "true"
        teacher.get_by_role("button", name="Reveal").click()
        for learner in (one, two):
            learner.get_by_text("✓ Next to nothing").wait_for()
            learner.get_by_text("the soft loss is below a thousandth of a nat").locator("visible=true").wait_for()
            shows(learner, "distillation/model")  # to see for themselves
            learner.wait_for_function("genai.parts['distillation/model'].settings.temperature === 1")
        two.get_by_text("and nearly 1 for one class").wait_for()  # why that guess was wrong
        assert not one.get_by_text("and nearly 1 for one class").count()
        two.get_by_text("More: these are the true probabilities. (your answer)").wait_for()
        assert faults(two) == []
        teacher.goto(f"{url}/?tab=distillation&part=model#class={room['code']}")  # the same class
        teacher.get_by_role("button", name="Bring all here").wait_for()
        teacher.once("dialog", lambda dialog: dialog.accept())
        teacher.get_by_role("button", name="End the class").click()
        for page in (teacher, one, two):
            page.get_by_text("The class is over.", exact=True).wait_for()
            assert page.evaluate("sessionStorage.getItem('genai.class')") is None
        two.reload()
        shows(two, "distillation/model")


def test_a_class_is_opened_with_a_password_and_asked_a_question_of_ones_own(chromium, url):
    with visit(chromium, f"{url}/?tab=vae#class") as teacher, visit(chromium, url) as learner:
        teacher.get_by_text("Open a class as its teacher").click()
        teacher.get_by_label("Password").fill("chalk")
        teacher.get_by_role("button", name="Open a class").click()
        teacher.get_by_role("button", name="Ask a question").click()
        teacher.get_by_label("Question", exact=True).fill("Which of <b>these</b> has no likelihood?")
        teacher.get_by_label("Answers, 2 to 4").fill("the VAE\n* the GAN\n\n the flow")
        teacher.get_by_role("button", name="Ask the class").click()
        teacher.get_by_role("region", name="Class").get_by_role("button", name="Copy link").click()
        learner.goto(teacher.get_by_label("The link for learners").input_value())
        learner.get_by_text("Which of <b>these</b> has no likelihood?").wait_for()
        answer(learner, "the GAN").click()
        teacher.get_by_text("1 of 1 learner answered.").wait_for()
        teacher.get_by_role("button", name="Reveal").click()
        learner.get_by_text("✓ the GAN").wait_for()
        teacher.get_by_role("button", name="Close the question").click()
        learner.get_by_text("✓ the GAN").wait_for(state="hidden")
        open_part(teacher, "Plane")
        teacher.locator(".pills:visible button").first.click()
        teacher.get_by_role("button", name="Ask the class").locator("visible=true").first.click()
        learner.get_by_role("group", name="Answers to the class").get_by_role("button").first.wait_for()
        teacher.reload()  # it still knows of which preset the question is
        teacher.get_by_role("button", name="Reveal").click()
        shows(learner, "vae/plane")
        teacher.get_by_role("button", name="Close the question").click()
        learner.get_by_role("button", name="Leave the class").click()
        teacher.get_by_text("0 learners here").wait_for()
