"""The 2-D GAN lab in Chromium: frames and steps a second while a game is played, and how soon Pause holds it.

At two speeds of the lab, as fast as this machine is, and with Chromium's CPU throttled as much as a phone's is slower.
Pause: from the click, as the browser's input has it, to the last change of the stage. The longest gap: between two
turns of the page's event loop, in which no button answers.
"""

from benchmarks._browser import open_part, open_tab
from benchmarks._common import browser, report, server

SECONDS = 10
PHONE = 4  # times slower
PAUSES = 5
AIM = "with the CPU throttled 4 times: at least 10 frames/s, Pause within 300 ms"
WATCH = """
() => {
  const place = document.querySelector('.step');
  const step = () => Number(place.textContent.replaceAll(',', ''));
  const seen = (window.seen = { frames: 0, last: 0, gap: 0, click: 0, step });
  new MutationObserver(() => { seen.frames += 1; seen.last = performance.now(); })
    .observe(place, { childList: true, characterData: true, subtree: true });
  window.addEventListener('click', (event) => { seen.click = event.timeStamp; }, true);
  const channel = new MessageChannel();
  let turn = performance.now();
  channel.port1.onmessage = () => setTimeout(() => {
    const now = performance.now();
    seen.gap = Math.max(seen.gap, now - turn);
    turn = now;
    channel.port2.postMessage(0);
  }, 4);
  channel.port2.postMessage(0);
}
"""
COUNT = """
async (seconds) => {
  const { seen } = window;
  const [frames, step, begun] = [seen.frames, seen.step(), performance.now()];
  seen.gap = 0;
  await new Promise((r) => setTimeout(r, seconds * 1000));
  const took = (performance.now() - begun) / 1000;
  return { frames: (seen.frames - frames) / took, steps: (seen.step() - step) / took, gap: seen.gap };
}
"""
RUNNING = "genai.parts['gan/lab'].running"


def play(page) -> None:
    """Begin, or go on, until a new frame is seen."""
    before = page.evaluate("seen.frames")
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(f"{RUNNING} && seen.frames > {before} + 3", timeout=60_000)


def pause(page) -> float:
    """Milliseconds from a click on Pause until the stage changes no more."""
    page.evaluate("seen.last = 0; document.querySelectorAll('.actions button').forEach((b) => b.blur())")
    button = page.get_by_role("button", name="Pause", exact=True).bounding_box()
    page.mouse.click(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)  # waits for nothing
    page.wait_for_function(f"!{RUNNING}", timeout=60_000)
    page.wait_for_timeout(1000)
    return page.evaluate("Math.max(0, seen.last - seen.click)")


def main() -> None:
    rows = []
    with browser() as chromium, server("app.py") as url:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(url)
        open_tab(page, "gan")
        open_part(page, "Lab")
        page.locator(".step").wait_for()
        page.evaluate(WATCH)
        throttle = page.context.new_cdp_session(page)
        for slower in (1, PHONE):
            throttle.send("Emulation.setCPUThrottlingRate", {"rate": slower})
            for speed in ("normal", "fast"):
                page.get_by_label(speed, exact=True).check()
                play(page)
                page.wait_for_timeout(3000)
                found = page.evaluate(COUNT, SECONDS)
                waits = [pause(page)]
                for _ in range(PAUSES - 1):
                    play(page)
                    waits.append(pause(page))
                rows.append(
                    {
                        "speed": speed,
                        "throttled": slower,
                        "frames/s": found["frames"],
                        "steps/s": found["steps"],
                        "longest gap ms": found["gap"],
                        "Pause, longest ms": max(waits),
                    }
                )
                page.get_by_role("button", name="Reset").click()
                page.wait_for_function("document.querySelector('.step').textContent === '0'")
    report("lab", rows, aim=AIM)


if __name__ == "__main__":
    main()
