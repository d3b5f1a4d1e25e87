"""Refusals: what follows from calls that Reply answers with 429, as a value.

Reply says how long to wait, but its word may be 0, in the past, or broken again and again. So each
pause has a least length that grows while calls are refused, one call alone goes ahead after it, and
when that has gone on for too long the caller gives up.
"""

from dataclasses import dataclass, replace

#: The first pause lasts at least so long, each further one twice as long, up to the last.
LEAST_PAUSE_MS, LONGEST_LEAST_PAUSE_MS = 1_000, 60_000
#: No pause lasts longer, whatever Reply says: its longest window is an hour.
LONGEST_PAUSE_MS = 3_600_000
#: After a pause one call alone goes ahead; how long its answer is awaited.
PROBE_MS = 10_000
#: How soon to look again whether another process's call was answered.
PROBE_LOOK_MS = 1_000
#: Calls that are refused for so long, although the first pause was kept, are given up.
GIVE_UP_MS = 300_000
#: How long after the last pause a series of refusals is forgotten.
FORGET_MS = 300_000


@dataclass(frozen=True, slots=True)
class Refusals:
    """The 429s of one user since a call was last accepted.

    Attributes:
        count: The pauses so far; 0: Reply takes calls.
        since_ms: When the first pause ended: what is refused later is refused against Reply's word.
        paused_until_ms: Until when nothing goes.
        probe_until_ms: Until when the answer of the one call that went ahead is awaited.
    """

    count: int = 0
    since_ms: int = 0
    paused_until_ms: int = 0
    probe_until_ms: int = 0

    def as_of(self, now_ms: int) -> "Refusals":
        """What still counts: after a pause that nobody has tested for long, Reply may be asked."""
        ended_ms = max(self.paused_until_ms, self.probe_until_ms)
        return Refusals() if now_ms > ended_ms + FORGET_MS else self

    def room(self, now_ms: int) -> int | None:
        """How many calls may go; None means any number."""
        if not self.count:
            return None
        return 0 if self.wait_ms(now_ms) > 0 else 1

    def wait_ms(self, now_ms: int) -> int:
        """Milliseconds until another look makes sense; 0 or less: none."""
        awaited = min(self.probe_until_ms - now_ms, PROBE_LOOK_MS)
        return max(self.paused_until_ms - now_ms, awaited)

    def probed(self, now_ms: int) -> "Refusals":
        """One call went ahead."""
        return replace(self, probe_until_ms=now_ms + PROBE_MS)

    def refused(self, now_ms: int, asked_ms: int) -> "Refusals":
        """Reply answered 429, and asked for so long a pause.

        Calls that were in flight when a pause began may lengthen it, but count as no further
        refusals.
        """
        asked_ms = min(max(asked_ms, LEAST_PAUSE_MS), LONGEST_PAUSE_MS)
        if now_ms < self.paused_until_ms:
            return replace(self, paused_until_ms=max(self.paused_until_ms, now_ms + asked_ms))
        doubled = LEAST_PAUSE_MS * 2 ** min(self.count, 16)
        until_ms = now_ms + max(asked_ms, min(doubled, LONGEST_LEAST_PAUSE_MS))
        return replace(
            self,
            count=self.count + 1,
            since_ms=self.since_ms if self.count else until_ms,
            paused_until_ms=until_ms,
            probe_until_ms=0,
        )

    def accepted(self, now_ms: int) -> "Refusals":
        """A call that went ahead was not refused. One that left before a pause tells nothing."""
        return self if now_ms < self.paused_until_ms else Refusals()

    def too_long_ms(self, now_ms: int) -> int:
        """For how long calls were refused although each pause was kept, if that is too long."""
        refused_ms = now_ms - self.since_ms if self.count else 0
        return refused_ms if refused_ms >= GIVE_UP_MS else 0

    def rewound(self, now_ms: int) -> "Refusals":
        """As it is when the clock was put back: no pause lasts longer than it may."""
        latest = now_ms + LONGEST_PAUSE_MS
        return replace(
            self,
            since_ms=min(self.since_ms, latest),
            paused_until_ms=min(self.paused_until_ms, latest),
            probe_until_ms=min(self.probe_until_ms, now_ms + PROBE_MS),
        )


@dataclass(frozen=True, slots=True)
class Pause:
    """The pause that follows a 429.

    Attributes:
        seconds: Until calls may go again.
        refused_for: Seconds for which Reply has refused every call although each pause was kept,
            when that is too long to go on, else None.
    """

    seconds: float
    refused_for: float | None = None

    def give_up(self, user: str | int | None) -> str | None:
        """Why to stop, in one line for a person; None if there is no need to.

        Args:
            user: The id that a record acts as; None means the user of the settings.
        """
        if self.refused_for is None:
            return None
        who = "" if user is None else f" of user {user}"
        return (
            f"Reply refused every call{who} for {self.refused_for / 60:.0f} minutes (429), also "
            "after each pause that it asked for. Another program may be spending this user's "
            "quota: stop it, or lower requests_per_minute and requests_per_hour, and run again. "
            "What was not settled stays unsettled."
        )
