"""The address guard: cases X1 and X2 of security.md."""

import socket

import pytest

from orchestrator_site.lib.errors import UserError
from orchestrator_site.lib.outbound import NotSent, UrlBlocked, check_url, is_public, resolve

PRIVATE = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fec0::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "2001:db8::1",
    "100::1",
    "3fff::1",
    "5f00::1",
    "2001:20::1",
    "2a00:1450::5efe:7f00:1",
    "not-an-address",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "140.82.121.4",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450:4001::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are(address):
    assert is_public(address)


LOOPBACKS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "0",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0x0.0.01",
    "127.0.0.1.",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[::127.0.0.1]",
    "[fec0::1]",
    "168.63.129.16",
    "192.0.0.8",
    "224.0.0.1",
    "169.254.169.254",
    "①②⑦.⓪.⓪.①",
    "１２７.０.０.１",
    "127。0。0。1",
    "127．0．0．1",
    "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "[fe80::1%25eth0]",
    "[::1%lo]",
    "4294967296",
    "256.1.1.1",
    "1.2.3.4.5",
    "0x",
    "127.0.0.0x1",
]


@pytest.mark.parametrize("host", LOOPBACKS)
def test_every_spelling_of_this_machine_is_blocked(host):
    for url in (f"https://{host}/x", f"https://{host}:443/", f"https://{host}:8443/a?b"):
        with pytest.raises(UrlBlocked) as caught:
            check_url(url, field="base_url", look_up=False)
        assert (caught.value.code, caught.value.field, caught.value.status) == ("E_URL_BLOCKED", "base_url", 400)


@pytest.mark.parametrize(
    "url",
    [
        "http://a@127.0.0.1",
        "https://a:b@example.com/",
        "https://@example.com",
        "http://127.0.0.1\\@evil",
        "https://evil.com\\.x",
        "http://evil\t.x",
        "https://evil\n.com",
        "https://evil.com\r\nHost: x",
        "https://evil\x00.com",
        "file:///etc/passwd",
        "//evil.com",
        "evil.com",
        "",
        "https://",
        "https:///x",
        "ftp://example.com",
        "gopher://example.com",
        "http://example.com/",
        "https://example.com:22/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:x/",
        "https://exa mple.com/",
        "https://example..com/",
        "https://-a.com/",
        "https://%31%32%37.0.0.1/",
        "https://a%00.com/",
        "https://[::1/",
        "https://]/",
        "https://xn--/",
        "https://" + "a" * 64 + ".com",
        "https://" + "a." * 130 + "com",
        "https://example.com/" + "a" * 2100,
        "https://exam\u200bple.com",
        "javascript:alert(1)",
        "data:text/html,x",
        "https:example.com",
        "https://\ud800.com",
    ],
)
def test_malformed_and_forbidden_addresses_are_blocked(url):
    with pytest.raises(UserError) as caught:
        check_url(url, look_up=False)
    assert caught.value.code == "E_URL_BLOCKED"
    assert getattr(caught.value, "sent", None) is False


def test_ordinary_addresses_pass_and_are_made_plain():
    checked = check_url("https://API.GitHub.com:443/repos?x=1#y", look_up=False)
    assert (checked.host, checked.port, checked.trusted) == ("api.github.com", 443, False)
    assert checked.url == "https://api.github.com:443/repos?x=1#y"
    assert check_url("https://bücher.example/ä", look_up=False).host == "xn--bcher-kva.example"
    assert check_url("https://[2606:4700::1111]/", look_up=False).host == "2606:4700::1111"
    assert check_url("https://1.1.1.1:8443/", look_up=False).port == 8443


def test_the_instance_may_allow_one_host_and_port(settings):
    settings.ALLOW_PRIVATE_HOSTS = ["127.0.0.1:9009", "[::1]:9010", "wiki.local:80"]
    assert check_url("http://127.0.0.1:9009/x").trusted
    assert check_url("http://127.1:9009/x").url == "http://127.0.0.1:9009/x"
    assert check_url("http://[::1]:9010/").trusted and check_url("http://wiki.local/", look_up=False).trusted
    for other in (
        "http://127.0.0.1:9010/",
        "http://127.0.0.2:9009/",
        "http://localhost:9009/",
        "http://u@127.0.0.1:9009/",
    ):
        with pytest.raises(UrlBlocked):
            check_url(other)


def names(monkeypatch, table):
    def getaddrinfo(host, port, *args, **kwargs):
        if host not in table:
            raise socket.gaierror(-2, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in table[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_a_name_is_good_only_if_all_its_addresses_are(monkeypatch):
    names(monkeypatch, {"good.example": ["1.1.1.1", "2606:4700::1"], "mixed.example": ["1.1.1.1", "127.0.0.1"]})
    assert resolve("good.example", 443)[0] == (socket.AF_INET, "1.1.1.1")
    assert check_url("https://good.example/").host == "good.example"
    for private in PRIVATE[:-1]:
        names(monkeypatch, {"bad.example": ["1.1.1.1", private], "mixed.example": ["127.0.0.1"]})
        with pytest.raises(UrlBlocked):
            resolve("bad.example", 443)
        with pytest.raises(UrlBlocked) as caught:
            check_url("https://bad.example/", field="base_url")
        assert caught.value.field == "base_url"


def test_a_name_that_is_not_found_now_may_be_saved_but_not_called(monkeypatch):
    names(monkeypatch, {})
    assert check_url("https://later.example/").host == "later.example"
    with pytest.raises(NotSent) as caught:
        resolve("later.example", 443)
    assert caught.value.sent is False
