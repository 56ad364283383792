"""Settings: what a file may say, and how a mistake is told."""

import pytest

from batch.emulator.settings import Settings, parse_settings
from batch.emulator.tables import SettingsError


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
    refusal = settings.refusals["used_nonce"]
    assert (refusal.code, refusal.status) == ("SignatureNonceUsed", 403)
    assert settings.access_keys[0].may_call("SubmitAIJob")
    assert not settings.access_keys[0].may_call("ListAIJob")
    assert (settings.faults[0].kind, settings.faults[0].seconds) == ("hang", 2.0)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("regoin = 'x'", "unknown setting 'regoin', did you mean 'region'?"),
        ("zzz = 1", "unknown setting 'zzz'; known: host"),
        ("quota.limit = {}", "unknown setting 'quota.limit', did you mean 'limits'?"),
        ("quota.limits.SubmitAIJob = '30'", "quota.limits.SubmitAIJob must be of type int"),
        ("quota.limits.SubmitAIJob = -1", "quota: limits and retry_after_ms must not be negative"),
        ("quota = 30", "quota must be a table, not 30"),
        ("quota.count_refused = 1", "quota.count_refused must be of type bool"),
        ("seed = true", "seed must be of type int"),
        ("submit.duplicates = 'merge'", "must be one of another_job, same_job, refuse"),
        ("media.missing = 'm1'", "media.missing must be a list"),
        ("media.duration_range = [1]", "media.duration_range must have 2 entries, not 1"),
        ("media.duration_range = [2, 1]", "media: media durations must not"),
        ("media.library_file = 7", "media.library_file must be of type str"),
        ("media.durations = {m1 = -1}", "media: media durations must not"),
        ("media.statuses = {Fine = ['m1']}", "media: statuses must be of Uploading, UploadFail"),
        ("media.created_at = 'today'", "media: created_at must be of the form"),
        ("submit.refused_statuses = ['Fine']", "submit: refused_statuses must be of Uploading"),
        ("lookup.covers = ['AINothing']", "lookup: covers must be of AIMediaDNA, AIVideoTag"),
        ("lookup.max_entries = -1", "lookup: times and max_entries must not be negative"),
        ("lookup.order = 'any'", "lookup.order must be one of newest, oldest"),
        ("gateway.nonce_scope = 'region'", "gateway.nonce_scope must be one of network, account"),
        ("jobs.auto_dna.ratio = 2", "jobs.auto_dna: ratio must be between 0 and 1"),
        ("jobs.auto_dna = 'on_submit'", "jobs.auto_dna must be a table"),
        ("jobs.analysing_after_seconds = -1", "jobs: job times must not be negative"),
        ("prices.per_minute = {AINothing = 1}", "prices: per_minute must be of AIMediaDNA"),
        ("prices.per_minute = {AIMediaDNA = '-1'}", "prices: prices must not be negative"),
        ("prices.per_minute = {AIMediaDNA = 'x'}", "prices.per_minute.AIMediaDNA must be a deci"),
        ("prices.per_minute = {AIMediaDNA = nan}", "prices.per_minute.AIMediaDNA must be a deci"),
        ("prices.per_minute = {AIMediaDNA = true}", "prices.per_minute.AIMediaDNA must be a de"),
        ("[[faults]]\nkind = 'accept_one_type'", "faults[0]: kind 'accept_one_type' needs a type"),
        ("jobs.fail_ratio = 2", "jobs: fail_ratio must be between 0 and 1"),
        ("[refusals.nope]\ncode = 'x'", "unknown refusal 'nope'"),
        ("[[access_keys]]\nid = 'a'", "access_keys[0]: secret must be given"),
        ("[[faults]]\nkind = 'explode'", "faults[0].kind must be one of refuse, throttle"),
        ("[[faults]]\nkind = 'refuse'", "faults[0]: kind 'refuse' needs a code"),
        ("[[faults]]\nkind = 'hang'\nseconds = -1", "faults[0]: counts and times must not"),
        ("not toml", "not TOML"),
        (
            "[[access_keys]]\nid='a'\nsecret='b'\nsecurity_token_expires_at='soon'",
            "access_keys[0]: security_token_expires_at must be ISO 8601 with an offset",
        ),
    ],
)
def test_mistakes_are_named(toml: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_settings(toml)

    assert message in str(caught.value)
