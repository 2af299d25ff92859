import app


def test_home_shows_a_card_for_every_technique_and_its_door_opens_it(page):
    for tab in app.TABS:
        page.get_by_role("tab", name="Home").click()
        page.locator(".door", has=page.get_by_role("heading", name=tab.TITLE, exact=True)).click()
        page.wait_for_function(
            "title => document.querySelector('[role=tab][aria-selected=true]').textContent.includes(title)",
            arg=tab.TITLE,
        )
