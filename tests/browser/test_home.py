import app
from benchmarks._browser import open_tab


def test_home_shows_a_card_for_every_technique_that_opens_it(page):
    for tab in app.TABS:
        open_tab(page, "home")
        page.locator(".technique", has=page.get_by_role("heading", name=tab.title, exact=True)).click()
        page.wait_for_function("id => location.search.includes(`tab=${id}`)", arg=tab.id)
        page.locator(f'nav a[data-id="{tab.id}"][aria-current=page]').wait_for(state="attached")
