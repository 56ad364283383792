"""What a refusal of the account, or a stop of the cloud's making, means, and how it is mended."""

from batch.core.outcome import StopCause
from batch.submit.tally import StopReason

DOCTOR = "vod-batch doctor"

MENDS = {
    StopCause.ARREARS: "the cloud account is in arrears: pay its bill in the cloud's console",
    StopCause.NOT_ACTIVE: (
        "the service is not active for this account: activate ApsaraVideo VOD, and its AI jobs, in "
        "the cloud's console"
    ),
    StopCause.PERMISSION: (
        "the key may not do this: give its RAM user the policy of deploy/ram/policy.json"
    ),
    StopCause.CREDENTIALS: (
        "the cloud refuses the access key: give the night one that is active, where its "
        "credentials come from"
    ),
    StopCause.CLOCK: "this machine's clock is off: let it be set, for instance by chrony",
    StopCause.ENDPOINT: "the endpoint is not that of the region: set VOD_BATCH_REGION, or ENDPOINT",
    StopCause.RISK_CONTROL: (
        "the cloud's risk control holds the account: look into its console, or ask its support"
    ),
    StopCause.EVERY_PROBE: (
        "a code that no document knows refused every media that was tried: look it up, or ask the "
        "cloud's support"
    ),
}
"""What each refusal of the whole account means, and its mend."""

SETS_CLOCK = "timedatectl set-ntp true"
"""Where systemd keeps the time."""

STOPS = {
    StopReason.UNREACHABLE: (
        "the cloud gave no answer: see to the line, the proxy, the endpoint",
        (DOCTOR,),
    ),
    StopReason.THROTTLED: (
        (
            "the cloud throttled every request: another program uses the quota, or qps is above "
            "it; set VOD_BATCH_QPS to the account's own"
        ),
        (DOCTOR,),
    ),
    StopReason.DOUBTS: (
        "too many requests got no answer to trust: what is in doubt is settled first",
        (DOCTOR, "vod-batch reconcile"),
    ),
    StopReason.FAILURES: (
        "too many of the last submissions were rejected: see why, mend it, let them go again",
        ("vod-batch export --state rejected", "vod-batch retry --state rejected"),
    ),
    StopReason.SIGNAL: ("the night was asked to stop, by a signal: go on when it suits", ()),
}
"""Why a night stopped although there was work, and what to do about it."""
