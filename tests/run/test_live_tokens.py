"""Who may look is in a file that nobody else may read; what is wrong with it is one line."""

import pytest

from noroshi.run.live.running import link_settings, read_tokens


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def test_viewers_and_operators(tmp_path):
    path = write(tmp_path / "tokens.toml", 'operators = ["ops"]\n[viewers]\n"one" = "JPN"\n"two" = "USA"\n')
    assert read_tokens(path) == {"viewers": {"one": "JPN", "two": "USA"}, "operators": ["ops"]}


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("operators = [", 0o600, "is no TOML"),
        ('viewers = "JPN"', 0o600, "holds"),
        ("operator = []", 0o600, "holds"),
        ("operators = []", 0o644, "others on this machine may read it"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, text, mode, said):
    with pytest.raises(ValueError, match=said) as error:
        read_tokens(write(tmp_path / "tokens.toml", text, mode))
    assert "\n" not in str(error.value)


def test_links_on_the_command_line():
    assert link_settings("USA=tls/host:7447") == {"partner": "USA", "connect": "tls/host:7447"}
    assert link_settings("USA@tls/0.0.0.0:7447") == {"partner": "USA", "listen": "tls/0.0.0.0:7447"}
    for wrong in ("USA", "usa=tls/host:1", "USA=", "=tls/host:1"):
        with pytest.raises(ValueError, match="--link"):
            link_settings(wrong)
