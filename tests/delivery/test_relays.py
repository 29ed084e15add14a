"""Several relays: letters that were not begun move to the next one, begun ones stay."""

from pathlib import Path

import pytest

from newsletter.config_loading import load_config
from newsletter.errors import ConfigError
from tests.faults import server as fault
from tests.faults.server import Server, Talk
from tests.faults.site import Site, check, make_site


def second(port: int) -> str:
    return (
        f'[[smtp.fallback]]\nhost = "localhost"\nport = {port}\nsecurity = '
        '"none"\nconnections = 1\ntimeout_s = 2.0'
    )


async def gone(talk: Talk) -> bool:
    """The relay stops listening and drops this connection."""
    talk.server._server.close()
    return await fault.close(talk)


def check_both(site: Site, one: Server, two: Server) -> None:
    one.accepted += two.accepted
    check(site, one)


def relays_of(site: Site) -> list[str]:
    return [row.relay.rpartition(":")[2] for row in site.rows()]


async def test_A09_letters_go_by_the_next_relay_when_the_first_is_away(tmp_path: Path) -> None:
    async with Server() as two:
        site = make_site(tmp_path, 5, port=1, smtp=second(two.port))
        done = await site.deliver()
        check(site, two)
    assert site.states() == {"sent": 5} and not done.is_unreachable
    assert relays_of(site) == [str(two.port)] * 5
    assert (
        len(done.problems) == 1
        and "localhost:1" in done.problems[0]
        and "next relay" in done.problems[0]
    )


@pytest.mark.parametrize("phase", ["mail", "rcpt", "data"])
async def test_A10_a_relay_that_goes_away_in_the_middle_loses_nothing(
    tmp_path: Path, phase: str
) -> None:
    async with Server({phase: fault.some({2}, gone)}) as one, Server() as two:
        site = make_site(tmp_path, 8, one.port, smtp=second(two.port))
        done = await site.deliver()
        assert (len(one.accepted), done.is_unreachable) == (2, False)
        check_both(site, one, two)
    states = site.states()
    assert states["sent"] + states["deferred"] == 8 and states["deferred"] <= 1
    assert len(two.accepted) == states["sent"] - 2


async def test_A01_a_letter_whose_dot_was_written_never_moves_to_another_relay(
    tmp_path: Path,
) -> None:
    async with Server({"dot": fault.taking(gone)}) as one, Server() as two:
        site = make_site(tmp_path, 6, one.port, smtp=second(two.port))
        await site.deliver()
        assert (len(one.accepted), len(two.accepted)) == (1, 5)
        check_both(site, one, two)
    assert site.states() == {"held": 1, "sent": 5}


async def test_A27_when_all_are_away_every_one_is_named_and_every_letter_waits(
    tmp_path: Path,
) -> None:
    site = make_site(tmp_path, 3, port=1, smtp=second(2))
    done = await site.deliver()
    assert done.is_unreachable and site.states() == {"pending": 3}
    assert (
        len(done.problems) == 1
        and "localhost:1:" in done.problems[0]
        and "localhost:2:" in done.problems[0]
    )
    async with Server() as back:
        (tmp_path / "config.toml").write_text(
            (tmp_path / "config.toml").read_text().replace("port = 1\n", f"port = {back.port}\n")
        )
        site.app.config = load_config(tmp_path / "config.toml", {})
        done = await site.deliver()
        check(site, back)
    assert site.states() == {"sent": 3} and done.problems == []


async def test_A09_a_relay_that_asks_for_less_is_slowed(tmp_path: Path) -> None:
    async with Server({"mail": fault.some({5, 6}, fault.say("454 4.7.0 later"))}) as one:
        site = make_site(tmp_path, 20, one.port)
        relays = site.app.relays(lambda: site.now)
        site.app.relays = lambda _clock: relays
        await site.deliver()
        check(site, one)
    assert relays.relays[0].bucket.rate < float("inf")
    assert site.states() == {"sent": 18, "deferred": 2}


def test_A22_a_password_needs_its_file_and_never_goes_in_clear(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    relay = '[[smtp.fallback]]\nhost = "mail.example.net"\nsecurity = "none"\nusernme = "x"\n'
    file.write_text(relay)
    with pytest.raises(
        ConfigError, match=r"smtp.fallback.0.usernme: unknown key; did you mean .*username"
    ):
        load_config(file, {})
    file.write_text(relay.replace("usernme", "username"))
    with pytest.raises(ConfigError) as e:
        load_config(file, {})
    for said in (
        "0.security: 'none' is for a relay on this machine",
        "0.username: a password",
        "0.password_file: is",
    ):
        assert any(f"smtp.fallback.{said}" in mistake for mistake in e.value.mistakes)
    (tmp_path / "word").write_text("sesame\n")
    file.write_text(
        '[[smtp.fallback]]\nhost = "mail.example.net"\nusername = "x"\npassword_file = "word"\n'
    )
    assert load_config(file, {}).smtp.fallback[0].password.get_secret_value() == "sesame"
