"""The 2-D GAN lab in Chromium: frames and steps a second while a game is played, at two speeds."""

from benchmarks._common import browser, report, server

SECONDS = 10
COUNT = """
async (seconds) => {
  const place = document.querySelector('.step');
  let frames = 0;
  const seen = new MutationObserver(() => { frames += 1; });
  seen.observe(place, { childList: true, characterData: true, subtree: true });
  const step = () => Number(place.textContent.replaceAll(',', '')), first = step(), begun = performance.now();
  await new Promise((r) => setTimeout(r, seconds * 1000));
  const took = (performance.now() - begun) / 1000;
  return [frames / took, (step() - first) / took];
}
"""


def main() -> None:
    rows = []
    with browser() as chromium, server("app.py") as url:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(url)
        page.get_by_role("tab", name="GAN").click()
        for speed in ("normal", "fast"):
            page.get_by_label(speed).check()
            page.get_by_role("button", name="Play").click()
            page.wait_for_function("!['0', ''].includes(document.querySelector('.step').textContent)")
            page.wait_for_timeout(3000)
            frames, steps = page.evaluate(COUNT, SECONDS)
            rows.append({"speed": speed, "frames/s": frames, "steps/s": steps})
            page.get_by_role("button", name="Reset").click()
            page.wait_for_function("document.querySelector('.step').textContent === '0'")
    report("lab", rows, aim="at least 10 frames/s")


if __name__ == "__main__":
    main()
