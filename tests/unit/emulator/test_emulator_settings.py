"""Settings: what a file may say, and how a mistake is told."""

import pytest

from batch.emulator.models import SettingsError
from batch.emulator.refusals import REFUSALS
from batch.emulator.settings import Settings, parse_settings


def test_an_empty_file_gives_the_defaults() -> None:
    assert parse_settings("") == Settings()


def test_a_whole_file() -> None:
    settings = parse_settings(
        """
        region = "cn-beijing"
        seed = 7
        keepalive_seconds = 15
        [quota]
        limits = {SubmitAIJob = 5}
        [media]
        duration_range = [1, 2.5]
        [accounts]
        default = "arrears"
        [refusals.used_nonce]
        status = 403
        [[access_keys]]
        id = "a"
        secret = "b"
        actions = ["vod:SubmitAIJob"]
        [[faults]]
        kind = "hang"
        seconds = 2
        headers = {x-a = "1"}
        """
    )

    assert settings.quota.limits == {"SubmitAIJob": 5}
    assert settings.media.duration_range == (1.0, 2.5)
    assert settings.accounts == {"default": "arrears"}
    refusal = settings.refusals["used_nonce"].of(REFUSALS["used_nonce"])
    assert (refusal.code, refusal.status) == ("SignatureNonceUsed", 403)
    assert settings.access_keys[0].actions == ["vod:SubmitAIJob"]
    assert (settings.faults[0].kind, settings.faults[0].seconds) == ("hang", 2.0)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("regoin = 'x'", "unknown setting 'regoin', did you mean 'region'?"),
        ("zzz = 1", "unknown setting 'zzz'; known: gateway"),
        ("quota.limit = {}", "unknown setting 'quota.limit', did you mean 'limits'?"),
        ("quota.limits.SubmitAIJob = '30'", "quota.limits.SubmitAIJob must be a valid integer"),
        ("quota.limits.SubmitAIJob = -1", "SubmitAIJob must be greater than or equal to 0, not -1"),
        ("quota = 30", "quota must be a table, not 30"),
        ("quota.count_refused = 1", "quota.count_refused must be a valid boolean"),
        ("seed = true", "seed must be a valid integer, not True"),
        ("submit.duplicates = 'merge'", "must be 'another_job', 'same_job' or 'refuse', not"),
        ("media.missing = 'm1'", "media.missing must be a valid list, not 'm1'"),
        ("media.duration_range = [1]", "media.duration_range[1] must be given"),
        ("media.duration_range = [2, 1]", "media: duration_range must not"),
        ("media.library_file = 7", "media.library_file must be a valid string"),
        ("media.durations = {m1 = -1}", "media.durations.m1 must be greater"),
        ("media.statuses = {Fine = ['m1']}", "media.statuses.Fine must be 'Uploading', "),
        ("media.created_at = 'today'", "media.created_at must match pattern"),
        ("submit.refused_statuses = ['Fine']", "submit.refused_statuses[0] must be 'Upload"),
        ("lookup.covers = ['AINothing']", "lookup.covers[0] must be 'AIMediaDNA' or "),
        ("lookup.max_entries = -1", "lookup.max_entries must be greater than or"),
        ("lookup.order = 'any'", "lookup.order must be 'newest' or 'oldest'"),
        ("gateway.nonce_scope = 'region'", "gateway.nonce_scope must be 'network', 'a"),
        ("jobs.auto_dna.ratio = 2", "jobs.auto_dna.ratio must be less than"),
        ("jobs.auto_dna = 'on_submit'", "jobs.auto_dna must be a table"),
        ("jobs.analysing_after_seconds = -1", "jobs.analysing_after_seconds must be great"),
        ("prices.per_minute = {AINothing = 1}", "prices.per_minute.AINothing must be 'AIM"),
        ("prices.per_minute = {AIMediaDNA = '-1'}", "prices.per_minute.AIMediaDNA must be gr"),
        ("prices.per_minute = {AIMediaDNA = 'x'}", "prices.per_minute.AIMediaDNA must be a valid"),
        ("prices.per_minute = {AIMediaDNA = nan}", "prices.per_minute.AIMediaDNA must be a finite"),
        ("prices.per_minute = {AIMediaDNA = true}", "prices.per_minute.AIMediaDNA must be an in"),
        ("[[faults]]\nkind = 'accept_one_type'", "faults[0]: kind 'accept_one_type' needs a type"),
        ("jobs.fail_ratio = 2", "jobs.fail_ratio must be less than or"),
        ("[refusals.nope]\ncode = 'x'", "unknown refusal 'nope'"),
        ("[[access_keys]]\nid = 'a'", "access_keys[0].secret must be given"),
        ("[[faults]]\nkind = 'explode'", "faults[0].kind must be 'refuse', 'thr"),
        ("[[faults]]\nkind = 'refuse'", "faults[0]: kind 'refuse' needs a code"),
        ("[[faults]]\nkind = 'hang'\nseconds = -1", "faults[0].seconds must be great"),
        ("not toml", "not TOML"),
        (
            "[[access_keys]]\nid='a'\nsecret='b'\nsecurity_token_expires_at='soon'",
            "access_keys[0].security_token_expires_at must be a valid datetime",
        ),
    ],
)
def test_mistakes_are_named(toml: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(toml)

    assert message in str(caught.value)
