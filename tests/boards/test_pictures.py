"""Every board in a real browser, on a phone and on a wall: it fits, nothing is refused, it can be read without a mouse."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from shared.boards import load_catalogue
from shared.settings import RULES
from tests.inside import Inside

CATALOGUE = load_catalogue(RULES)
SIZES = {"phone": (390, 844), "wall": (1920, 1080)}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
CONTRAST = """
() => {
  const light = c => c.map(v => v / 255).map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, n) => sum + v * [.2126, .7152, .0722][n], 0);
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const ground = el => { for (; el; el = el.parentElement) { const c = parts(getComputedStyle(el).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c.slice(0, 3); } return [255, 255, 255]; };
  return [...document.querySelectorAll("h2, h3, p, a, td, th, b, li, label, .number")].filter(el => el.innerText && el.offsetParent)
    .map(el => { const [a, b] = [light(parts(getComputedStyle(el).color).slice(0, 3)), light(ground(el))].sort((x, y) => y - x);
      return [(a + .05) / (b + .05), el.innerText.slice(0, 40)]; }).filter(([ratio]) => ratio < 4.5);
}
"""
"""Texts with less contrast than WCAG AA asks (4.5 : 1)."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("chromium is not installed (apt-get install chromium): boards are not looked at")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, headless=True, args=FLAGS)
        yield browser
        await browser.close()


async def entered(browser: Browser, running: Inside, size: tuple[int, int]) -> Page:
    page = await browser.new_page(viewport={"width": size[0], "height": size[1]})
    await page.goto(running.system.url)
    await page.fill("#token", running.system.token)
    await page.click("button")
    return page


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("size", SIZES)
async def test_each_board_fits_and_nothing_on_it_is_refused(
    browser: Browser, running: Inside, size: str, tmp_path: Path
) -> None:
    page = await entered(browser, running, SIZES[size])
    complaints = list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    for board in CATALOGUE.boards:
        answer = await page.goto(f"{running.system.url}/board/{board.id}?unit=10966&period=2025-Q4")
        assert answer is not None and answer.status == 200
        assert await page.evaluate("document.documentElement.scrollWidth") == SIZES[size][0], (
            "the page is wider than the screen"
        )
        shown = await page.evaluate("[...document.querySelectorAll('article')].map(a => a.id)")
        assert shown == [one.id for one in board.panels if one.query is not None or one.here is not None]
        empty = await page.evaluate(
            "[...document.querySelectorAll('article')].filter(a => a.innerText.split('\\n').length < 2).map(a => a.id)"
        )
        assert empty == []
        assert await page.evaluate(CONTRAST) == []
        picture = await page.screenshot(path=tmp_path / f"{board.id}-{size}.png", full_page=True)
        assert len(picture) > 20_000
    assert complaints == []
    assert all(url.startswith(running.system.url) for url in asked), "something was loaded from elsewhere"
    await page.close()


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.timeout(60)
async def test_a_leader_goes_from_a_bar_to_the_dossiers_and_back(browser: Browser, running: Inside) -> None:
    page = await entered(browser, running, SIZES["phone"])
    await page.goto(f"{running.system.url}/board/lanh-dao?unit=10966&period=2025-Q4")
    await page.click("#qua-han-theo-linh-vuc >> text=Đất đai")
    assert await page.inner_text("h1") == "Hồ sơ đang quá hạn hôm nay, theo lĩnh vực: Đất đai"
    assert await page.inner_text("#total") == "1" and "H24.103-251105-0004" in await page.inner_text("tbody")
    await page.click("text=← Lãnh đạo")
    assert page.url.endswith("#qua-han-theo-linh-vuc")
    await page.select_option("select[name=unit]", "10510")
    await page.click("text=Xem >> nth=0")
    assert "Phường Thành Đông" in await page.inner_text(".brand")
    await page.click("text=Thoát")
    assert page.url.endswith("/board/enter")
    await page.close()
