"""What a node gives its partners, what it gets of them, and the picture that it makes of both.

Everything that goes to a partner has been through `sharing.release`. What the node's own tracks give to its own fusion
is the same rows under the same numbers as partners of the most common release class get, so that nodes that hold the
same contributions have the same picture.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from numpy.typing import NDArray

from noroshi.formats import FormatError
from noroshi.formats.columns import pack, pack_arrays, unpack, unpack_arrays
from noroshi.fusion import CROWDS, Fusion
from noroshi.geo.time import NS_PER_S
from noroshi.node.channel import FEED, Channel
from noroshi.node.contents import (
    AHEAD_NS,
    ROWS_MAX,
    as_evidence,
    believable,
    notice_of,
    notices_of,
    tombstone_body,
    tombstone_of,
    tracks_body,
    tracks_of,
)  # fmt: skip
from noroshi.node.outgoing import Outgoing
from noroshi.records import Batch, Frame, Order, Status, Tracks, TrackStatus, concatenate, joined_by_sensor, take
from noroshi.records.order import BREAK_GLASS, NO_PARTNER, PARTNER, POLICY
from noroshi.sharing.envelope import FUSIBLE, Envelope
from noroshi.sharing.facts import Facts, facts_of
from noroshi.sharing.label import ALL_PARTNERS, Label, decode, encode
from noroshi.sharing.memory import Memory
from noroshi.sharing.parcels import Store, notices, rows_of
from noroshi.sharing.release import Released, Secrets, release, without_idle_sensors
from noroshi.sharing.rules import Policy, Product, still_valid, without_ended
from noroshi.warning.threatening import may_threaten

TOMBSTONE_MAX = 1_000  # numbers of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """Another nation, as this node knows it.

    Attributes:
        keys: its public signing keys, which came by another way; several while it changes its key.
        bytes_s: what the link to it carries; None is as much as there is.
    """

    keys: tuple[Ed25519PublicKey, ...]
    bytes_s: float | None = None


REMEMBERED_MAX = 20_000  # tracks of which it is known what was told last
KIND_NEWS = 0.02  # a probability of a kind that has changed by more is news, though nothing was measured
COASTS_NS = 20 * NS_PER_S  # so often it is told that a threat goes on unmeasured: what is silent has ended to partners
RECENT_NS = 120 * NS_PER_S
RECENT_ROWS = 1_000  # that changed, beyond four times the tracks there are, until the last of each are looked up

NewPolicy = Callable[[str, str, Policy, int], Policy]


class Exchange:
    """A node's dealings with its partners.

    Args:
        nation: whose node it is.
        key: its signing key.
        policy: what it releases.
        secrets: what its releases hang on.
        partners: by nation code; those that are none in the policy are heard and get nothing.
        fusion: what makes one picture of all contributions.
        sensor_types: of the node's own sensors, by name.
        exercise: which exercise it is in; None is real.
        new_policy: makes of an order (its kind and content), the policy in force and the time the policy to go by;
            raises ValueError if it makes no sense.
        store_of: where what waits for a partner survives, by its code.
        pump_ns: how often it looks at its links; 0 is whenever there is something to do.
        label: of the node's own tracks; permits all partners unless given.

    Attributes:
        is_silent: it hears, fuses and fills its outboxes, but says nothing: a node that catches up from its journal.
            What it had put into an outbox before it fell is not put there again.
        old_policy: returns the policy of a digest that was in force once, None if it is not known: for what the node
            released before it fell.
        heard: what partners have told beside tracks since it was last taken, with whose it is.
        has_threats: whether partners have told of what may be a threat since this was last set to no.
        may_threaten: which tracks may be; the node sets it to what its watch says.
        judged: told of each record that was offered, what each partner gets of it, and the time: for the audit, and for
            whoever asks what other rules would have done.
    """

    def __init__(
        self,
        nation: str,
        *,
        key: Ed25519PrivateKey,
        policy: Policy,
        secrets: Secrets,
        partners: Mapping[str, Partner],
        fusion: Fusion,
        sensor_types: Mapping[str, str],
        new_policy: NewPolicy,
        store_of: Callable[[str], Store],
        exercise: str | None = None,
        pump_ns: int = NS_PER_S,
        label: Label | None = None,
    ) -> None:
        self.nation, self.policy, self.fusion, self.exercise = nation, policy, fusion, exercise
        self.label = label or Label(originator=nation, releasable_to=(ALL_PARTNERS,))
        self.channels: dict[str, Channel] = {}
        self._n_parcels = 0
        self._key, self._new_policy, self._store_of = key, new_policy, store_of
        for code in sorted(partners):
            self.add(code, partners[code])
        self.is_silent = False
        self.heard: list[tuple[str, Batch]] = []
        self.has_threats = False
        self.may_threaten: Callable[[Tracks], NDArray[np.bool_]] = may_threaten
        self.old_policy: Callable[[str], Policy | None] = lambda _: None
        self.judged: Callable[[Facts, Mapping[str, Released], int], None] = lambda *_: None
        self.secrets, self.sensor_types, self._pump_ns = secrets, dict(sensor_types), pump_ns
        self._memories: dict[str, Memory] = {}
        self._last_told: dict[int, tuple[int, int]] = {}  # time and revision of each track's last row
        self._shared: Tracks | None = None  # the last row of each living track, where all are offered at once
        self._n_recent = 0
        self._recent: list[Tracks] = []  # where rows are offered as they change: what may hold such rows
        self._given: list[Outgoing] = []
        self._alarms: Counter[tuple[str, str]] = Counter()
        self._wake_ns: int | None = None

    @property
    def wake_ns(self) -> int | None:
        """When it wants to be woken; None until it was told the time once."""
        return self._wake_ns

    def add(self, code: str, partner: Partner) -> None:
        """Know a partner from now on, or by other keys than before; what waits for it stays."""
        known = self.channels.get(code)
        if known is not None:
            known.receiver.keys = partner.keys
            return
        self.channels[code] = Channel(
            self.nation,
            code,
            key=self._key,
            partner_keys=partner.keys,
            exercise=self.exercise,
            store=self._store_of(code),
            bytes_s=partner.bytes_s,
        )
        self.channels = dict(sorted(self.channels.items()))
        outbox = self.channels[code].outbox
        if outbox.next_parcel == 1:
            outbox.note_policy(self.policy.digest)  # there is nothing that could not agree
        self._n_parcels = max(self._n_parcels, (outbox.next_parcel - 1) // 2)

    def obey(self, order: Order, now_ns: int) -> None:
        """Do what those who run the node say; an order that cannot be done is an alarm and changes nothing."""
        for kind, subject, content in zip(
            order.kind.tolist(), order.subject.tolist(), order.content.tolist(), strict=True
        ):
            try:
                self._carry_out(kind, subject, content, now_ns)
            except ValueError as error:
                self._alarm(subject, f"an order ({kind}) that cannot be carried out: {error}", now_ns)

    def speak(self, now_ns: int) -> None:
        """Be silent no more: what waits is what the policy in force would release, and numbers go on."""
        self.is_silent = False
        for code, channel in self.channels.items():
            channel.begin()
            self._n_parcels = max(self._n_parcels, (channel.outbox.next_parcel - 1) // 2)
            self._settle(code, self.policy, now_ns)

    def start(self, now_ns: int) -> None:
        """Begin to look at the links."""
        if self._wake_ns is None and self.channels:
            period_ns = self._pump_ns or NS_PER_S // 2
            self._wake_ns = -(-now_ns // period_ns) * period_ns

    def wake(self, now_ns: int) -> None:
        """Give out the frames that are due."""
        if self._wake_ns is None or self._wake_ns > now_ns:
            return
        period_ns = self._pump_ns or NS_PER_S // 2
        self._wake_ns = now_ns // period_ns * period_ns + period_ns
        self._renew_policy(now_ns)
        for code in self.channels:
            crowded = self.fusion.counts[f"{CROWDS} of {code}"]
            if crowded > self._alarms[code, CROWDS]:
                self._alarm(code, CROWDS, now_ns, crowded)
        self._pump(now_ns)

    def share(self, tracks: Tracks, now_ns: int, *, is_whole: bool) -> None:
        """Release the node's own tracks, and fuse them.

        Args:
            tracks: rows of the node's tracker.
            now_ns: the time.
            is_whole: whether these are all tracks at one time, of which only news are told, and what is gone as lost;
                else they are the rows that changed.
        """
        rows = self._news(tracks, now_ns) if is_whole else take(tracks, tracks.status != TrackStatus.TENTATIVE)
        if len(rows := self._offer(rows, now_ns)) and not is_whole:
            self._recent.append(rows)
            if sum(map(len, self._recent)) > RECENT_ROWS + 4 * self._n_recent:
                self._newest()

    def share_some(self, tracks: Tracks, now_ns: int) -> None:
        """Release and fuse what is new of some of the node's own tracks before it is the turn of all."""
        if self._shared is None:
            return
        tracks = take(tracks, np.flatnonzero(tracks.status != TrackStatus.TENTATIVE))
        rows = take(tracks, ~self._is_told(tracks))
        others = take(self._shared, ~np.isin(self._shared.track_id, rows.track_id))
        self._shared = concatenate([others, rows])
        self._offer(rows, now_ns)

    def _offer(self, rows: Tracks, now_ns: int) -> Tracks:
        """Release and fuse rows of the node's own tracks; return them as they were released."""
        self._n_parcels += 1
        if not len(rows):
            return rows
        rows = self._revised(rows, now_ns).replace(label=encode(self.label))
        self._release(rows, sorted(self.channels), now_ns)
        numbers = self.secrets.numbers(self._home_class()).of(rows.track_id)
        own = as_evidence(rows.replace(track_id=numbers, node=self.nation), self.sensor_types)
        self.fusion.receive(own, owner=self.nation, feed=FEED, seq=self._n_parcels, coarse=False)
        if not self._pump_ns:
            self._pump(now_ns)
        return rows

    def tell(self, record: Batch, product: Product, numbers: Sequence[int], now_ns: int, *, to: str = "") -> None:
        """Release a warning, a decision or a state of the node, whole, to whom the policy lets have it.

        Args:
            record: what.
            product: warning or status.
            numbers: of the warnings that it speaks of; one 0 if of none.
            now_ns: the time.
            to: the one partner that it is for; empty: all.
        """
        self._n_parcels += 1
        facts = Facts(product=product, n=1, label=self.label, exercise=self.exercise, time_ns=np.array([now_ns]))
        recipients = sorted(code for code in self.channels if to in ("", code))
        told = release(self.policy, facts, now_ns=now_ns, secrets=self.secrets, recipients=recipients)
        self.judged(facts, told, now_ns)
        for code, released in told.items():
            label = decode(released.label)
            if label is not None and len(released.rows):
                rule = self.policy.rules[int(released.rule[0])].name
                self._notify(code, numbers, product, label, pack(record), rule, now_ns)
        if not self._pump_ns:
            self._pump(now_ns)

    def hear(self, frame: Frame, now_ns: int) -> None:
        """Take in what a link brought."""
        channel = self.channels.get(frame.partner)
        if channel is None:
            self._alarm(frame.partner, "a frame of a nation that is no partner", now_ns)
            return
        envelope = channel.hear(frame.bytes(), now_ns)
        if envelope is not None:
            try:
                self._use(envelope, now_ns)
            except FormatError:  # whose text would be the partner's
                self._alarm(frame.partner, "an envelope whose content cannot be read", now_ns)
        for reason in sorted(channel.alarms):
            new = channel.alarms[reason] - self._alarms[frame.partner, reason]
            if new:
                self._alarm(frame.partner, reason, now_ns, channel.alarms[reason])
        if channel.is_forgetful:
            self._tell_again(frame.partner, now_ns)
        if not self._pump_ns and (envelope is None or channel.is_back(now_ns)):
            self._pump(now_ns)

    def picture(self, time_ns: int, *, is_early: bool = False) -> Tracks:
        """Return the fused tracks as they are expected at a time; early if partners' word of it is still to come."""
        return self.fusion.picture(time_ns, is_early=is_early)

    def change_policy(self, policy: Policy, now_ns: int) -> None:
        """Release by other rules from now on; take back what they would not have released just so."""
        for code in self.channels:
            self._settle(code, policy, now_ns)
        self.policy = policy
        self._memories = {}

    def take(self) -> list[Outgoing]:
        """Return what is to be given out and forget it."""
        given, self._given = self._given, []
        return given

    def checkpoint(self) -> dict[str, Any]:
        """Return what `resume` needs beside what the fusion holds (`Fusion.checkpoint`), as plain data."""
        return {
            "channels": {code: channel.checkpoint() for code, channel in self.channels.items()},
            "memories": {
                code: pack_arrays({"track_id": one.track_id, "told_ns": one.told_ns})
                for code, one in sorted(self._memories.items())
            },
            "shared": None if self._shared is None else pack(self._shared),
            "recent": None if self._shared is not None or (recent := self._newest()) is None else pack(recent),
            "last_told": [[track, *told] for track, told in self._last_told.items()],
            "n_parcels": self._n_parcels,
            "alarms": [[*key, n] for key, n in sorted(self._alarms.items())],
            "wake_ns": self._wake_ns,
        }

    def resume(self, memory: dict[str, Any]) -> None:
        """Become the exchange that gave this checkpoint.

        Raises:
            FormatError, ValueError, KeyError, TypeError: if it is none.
        """
        for code, state in memory["channels"].items():
            if code in self.channels:  # else it is no partner any more
                self.channels[code].resume(state)
        self._memories = {}
        for code, data in memory["memories"].items():
            arrays = unpack_arrays(data)
            self._memories[code] = Memory.of(arrays["track_id"], arrays["told_ns"])
        shared, recent = (None if memory[name] is None else unpack(memory[name]) for name in ("shared", "recent"))
        if not isinstance(shared, Tracks | None) or not isinstance(recent, Tracks | None):
            raise FormatError("what was shared is no tracks")
        self._shared, self._recent = shared, [] if recent is None else [recent]
        self._n_recent, self._n_parcels = 0 if recent is None else len(recent), memory["n_parcels"]
        self._last_told = {track: (time_ns, told) for track, time_ns, told in memory["last_told"]}
        self._alarms = Counter({(code, reason): n for code, reason, n in memory["alarms"]})
        self._wake_ns = memory["wake_ns"]

    def _carry_out(self, kind: str, subject: str, content: str, now_ns: int) -> None:
        """Carry out an order.

        Raises:
            ValueError: if it makes no sense.
        """
        if kind == POLICY and self.is_silent:
            return  # what is in force by now is what this began with
        if kind in (POLICY, BREAK_GLASS):
            self.change_policy(self._new_policy(kind, content, self.policy, now_ns), now_ns)
        elif kind == PARTNER:
            keys = [Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)) for key in content.split()]
            self.add(subject, Partner(keys=tuple(keys)))
            self._settle(subject, self.policy, now_ns)
            self._tell_again(subject, now_ns)
        elif kind == NO_PARTNER:
            self.channels.pop(subject, None)
            self._memories.pop(subject, None)
        else:
            raise ValueError("there is no such order")

    def _revised(self, rows: Tracks, now_ns: int) -> Tracks:
        """Return rows of which each that holds at the time of its track's row before has a higher revision than that.

        A plot of another sensor may say more of a time that was told of. Partners may hear the two in any order, and
        all have to take the same one for the later.
        """
        revision = rows.revision.copy()
        for i, (track, time_ns) in enumerate(zip(rows.track_id.tolist(), rows.time_ns.tolist(), strict=True)):
            before_ns, before = self._last_told.get(track, (0, 0))
            if before_ns == time_ns:
                revision[i] = max(int(revision[i]), before + 1)
            self._last_told[track] = (time_ns, int(revision[i]))
        if len(self._last_told) > REMEMBERED_MAX:
            self._last_told = {
                track: (time_ns, told)
                for track, (time_ns, told) in self._last_told.items()
                if time_ns > now_ns - RECENT_NS
            }
        return rows.replace(revision=revision)

    def _news(self, tracks: Tracks, now_ns: int) -> Tracks:
        """Return the rows that say something new, and a last row of each track that is gone."""
        tracks = take(tracks, np.flatnonzero(tracks.status != TrackStatus.TENTATIVE))
        if self._shared is None:
            self._shared = tracks
            return tracks
        old, known = self._shared, self._is_told(tracks)
        gone = take(old, ~np.isin(old.track_id, tracks.track_id))
        kinds = tracks.kind_probability.copy()
        if known.any():  # what is told next is held against what was told last, however slowly it has changed
            kinds[known] = old.kind_probability[_places(take(tracks, known), old)]
        self._shared = tracks.replace(kind_probability=kinds)
        ended = gone.replace(
            status=np.full(len(gone), TrackStatus.LOST, np.uint8), time_ns=np.full(len(gone), now_ns, np.int64)
        )
        return concatenate([take(tracks, ~known), ended]) if len(gone) else take(tracks, ~known)

    def _is_told(self, tracks: Tracks) -> NDArray[np.bool_]:
        """Return (n,) of which tracks partners know all: what was measured, what it is, of a threat that it goes on.

        What it is may change without a measurement: looks that saw nothing say that a burn is over.
        """
        old = self._shared
        if old is None or not len(old):
            return np.zeros(len(tracks), np.bool_)
        at = _places(tracks, old)
        is_news = np.abs(old.kind_probability[at] - tracks.kind_probability).max(axis=1) > KIND_NEWS
        is_news |= old.updated_ns[at] < tracks.updated_ns
        for i in np.flatnonzero(~is_news & goes_on_unseen(tracks) & self.may_threaten(tracks)).tolist():
            told_ns, _ = self._last_told.get(int(tracks.track_id[i]), (0, 0))
            is_news[i] = tracks.time_ns[i] - told_ns >= COASTS_NS
        return np.asarray((old.track_id[at] == tracks.track_id) & ~is_news)

    def _release(self, rows: Tracks, recipients: Sequence[str], now_ns: int) -> None:
        facts = facts_of(rows, product=Product.CONTRIBUTION, exercise=self.exercise, sensor_types=self.sensor_types)
        told = release(
            self.policy,
            facts,
            now_ns=now_ns,
            secrets=self.secrets,
            recipients=recipients,
            memories=self._memories,
        )
        self.judged(facts, told, now_ns)
        for code, released in told.items():
            self._memories[code] = released.memory
            self._put(code, released, now_ns)

    def _put(self, code: str, released: Released, now_ns: int) -> None:
        """Let what was released wait for its recipient; coarse rows apart from exact ones."""
        label = decode(released.label)
        if label is None or released.tracks is None or not len(released.rows):
            return
        exact = [all(action.keeps_errors for _, action in rule.actions) for rule in self.policy.rules]
        is_coarse = ~np.array(exact, np.bool_)[released.rule]
        for coarse in (False, True):
            chosen = np.flatnonzero(is_coarse == coarse)
            if len(chosen):
                part = released if len(chosen) == len(released.rows) else _some(released, chosen)
                assert part.tracks is not None
                body = tracks_body(part.tracks, is_coarse=coarse, sensor_types=self.sensor_types)
                parcel = rows_of(
                    part,
                    self.policy,
                    parcel=2 * self._n_parcels + coarse,
                    body=body,
                    product=Product.CONTRIBUTION,
                    label=label,
                )
                self.channels[code].put(parcel, now_ns)

    def _notify(
        self,
        code: str,
        numbers: Sequence[int],
        product: Product,
        label: Label,
        body: bytes,
        rule: str,
        now_ns: int,
        policy: str | None = None,
    ) -> None:
        parcel = notices(
            numbers,
            parcel=2 * self._n_parcels,
            product=product,
            label=label,
            policy=policy or self.policy.digest,
            rule=rule,
            body=body,
            now_ns=now_ns,
        )
        self.channels[code].put(parcel, now_ns)

    def _settle(self, code: str, policy: Policy, now_ns: int) -> None:
        """Take back from a partner what a policy would not have released just so, whatever policy released it."""
        outbox = self.channels[code].outbox
        if outbox.policy == policy.digest:
            return
        old = self.policy if outbox.policy == self.policy.digest else self.old_policy(outbox.policy)
        gone = outbox.tighten(frozenset() if old is None else still_valid(old, policy, code))
        for product in sorted({product for product, _ in gone.tombstones}):
            numbers = [number for of, number in gone.tombstones if of is product]
            label = Label(originator=self.nation, releasable_to=(code,))
            for first in range(0, len(numbers), TOMBSTONE_MAX):
                some = numbers[first : first + TOMBSTONE_MAX]
                self._n_parcels += 1
                body = tombstone_body(product, some)
                self._notify(code, some, Product.TOMBSTONE, label, body, "", now_ns, policy=policy.digest)
        outbox.note_policy(policy.digest)
        self._memories.pop(code, None)

    def _use(self, envelope: Envelope, now_ns: int) -> None:
        """Let an envelope that was accepted take effect.

        Raises:
            FormatError: if its content is not what it says.
        """
        if envelope.product in FUSIBLE:
            tracks, is_coarse, types = tracks_of(envelope.body)
            if len(tracks) > ROWS_MAX:
                raise FormatError(f"{len(tracks)} rows in one message")
            fine = believable(tracks, now_ns)
            if not fine.all():
                self._alarm(envelope.owner, "tracks that cannot be", now_ns)
                tracks = take(tracks, fine)
            if not len(tracks):
                return
            self.has_threats |= bool(self.may_threaten(tracks).any())
            self.fusion.receive(
                as_evidence(tracks.replace(label=encode(envelope.label), node=envelope.owner), types),
                owner=envelope.owner,
                feed=envelope.feed,
                seq=envelope.seq,
                coarse=is_coarse,
            )
            return
        if envelope.product is Product.FUSED:
            return  # for display alone, and nobody displays it yet
        bodies = notices_of(envelope.body)
        if envelope.product is not Product.TOMBSTONE:
            told = [notice_of(body, envelope.owner) for body in bodies]
            self._given += [Outgoing(str(envelope.product), record) for record in told]
            self.heard += [(envelope.owner, record) for record in told]
            return
        tombstones = [tombstone_of(body) for body in bodies]
        if sum(len(numbers) for _, numbers in tombstones) > ROWS_MAX:
            raise FormatError("too many tombstones in one message")
        for product, numbers in tombstones:
            if product is Product.CONTRIBUTION:
                self.fusion.forget(envelope.owner, numbers, min(max(envelope.released_ns, 0), now_ns + AHEAD_NS))

    def _tell_again(self, code: str, now_ns: int) -> None:
        """Offer everything once more to a partner that lost its memory."""
        self.channels[code].is_forgetful = False
        self._memories.pop(code, None)
        newest = self._newest()
        if newest is not None and len(newest):
            self._n_parcels += 1
            self._release(newest.replace(label=encode(self.label)), [code], now_ns)

    def _newest(self) -> Tracks | None:
        """Return the last row of each living track that was offered; of those that change, if that is not long ago."""
        if self._shared is not None or not self._recent:
            return self._shared
        rows = joined_by_sensor(self._recent)
        order = np.lexsort((rows.revision, rows.time_ns, rows.track_id))
        is_last = np.append(np.diff(rows.track_id[order]) != 0, True)
        last = order[is_last & (rows.status[order] != TrackStatus.LOST)]
        newest_ns = int(rows.time_ns.max(initial=0))
        self._recent = [take(rows, np.sort(last[rows.time_ns[last] > newest_ns - RECENT_NS]))]
        self._n_recent = len(self._recent[0])
        return self._recent[0]

    def _renew_policy(self, now_ns: int) -> None:
        lasting = without_ended(self.policy, now_ns)
        if lasting is not self.policy:
            self.change_policy(lasting, now_ns)

    def _pump(self, now_ns: int) -> None:
        if self.is_silent:
            return
        for code, channel in self.channels.items():
            self._settle(code, self.policy, now_ns)
            for content, is_urgent in channel.pump(now_ns):
                self._given.append(Outgoing("frame", Frame.of(code, content), is_urgent))

    def _alarm(self, partner: str, reason: str, now_ns: int, count: int | None = None) -> None:
        count = self._alarms[partner, reason] + 1 if count is None else count
        self._alarms[partner, reason] = count
        said = Status(
            time_ns=np.array([now_ns]),
            source=np.array([partner]),
            subject=np.array([f"link: {reason}"]),
            value=np.array([float(count)]),
        )
        self._given.append(Outgoing("alarm", said, True))

    def _home_class(self) -> str:
        """Return the release class that most partners are in; of equals the first by name."""
        classes = Counter(self.policy.partners.values())
        return min(classes, key=lambda name: (-classes[name], name)) if classes else ""


def goes_on_unseen(tracks: Tracks) -> NDArray[np.bool_]:
    """Return (n,) which tracks coast, and have not been measured for so long that it is told again that they go on."""
    is_long = tracks.time_ns - tracks.updated_ns >= COASTS_NS
    return np.asarray(is_long & (tracks.status == TrackStatus.COASTING))


def _some(released: Released, chosen: NDArray[np.int64]) -> Released:
    assert released.tracks is not None
    return replace(
        released,
        rows=released.rows[chosen],
        due_ns=released.due_ns[chosen],
        rule=released.rule[chosen],
        tracks=without_idle_sensors(take(released.tracks, chosen)),
    )


def _places(tracks: Tracks, among: Tracks) -> NDArray[np.int64]:
    """Return (n,) where tracks are among others, if they are there; there is at least one."""
    order = np.argsort(among.track_id)
    found = np.searchsorted(among.track_id, tracks.track_id, sorter=order)
    return np.asarray(order[np.minimum(found, len(order) - 1)])
