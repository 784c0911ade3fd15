"""The life of a token, whatever happens to it."""

import threading

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from signing import Hands

from spatial_widgets import errors
from spatial_widgets.client.secret import Secret
from spatial_widgets.client.tokensource import Clocks, Grant, TokenSource


class Life(RuleBasedStateMachine):
    """A source whose maker may be broken or refuse; each token is known with the time of its end."""

    def __init__(self):
        super().__init__()
        self.hands, self.broken, self.made, self.ends = Hands(), None, 0, {}
        self.life_s = 3600.0
        self.refused = None
        self.source = TokenSource(
            self.make,
            clocks=Clocks(now=lambda: self.hands.monotonic, wall=lambda: self.hands.clock),
            rests=True,
        )

    def make(self, refused):
        self.made += 1
        if self.broken:
            raise self.broken
        token = Secret(f"token-{self.made}")
        self.ends[token] = (self.hands.clock, self.life_s)
        return Grant(token, self.life_s)

    @rule(seconds=st.floats(0, 4000), asleep=st.booleans())
    def time_passes(self, seconds, asleep):
        self.hands.pass_(seconds, asleep=asleep)

    @rule(life_s=st.sampled_from([60.0, 600.0, 1500.0, 3600.0]))
    def the_service_gives_other_lives(self, life_s):
        self.life_s = life_s

    @rule(broken=st.sampled_from([None, errors.TransportError("down"), errors.AuthenticationError("no")]))
    def the_service_breaks_or_is_mended(self, broken):
        self.broken = broken

    @rule()
    def a_token_is_wanted(self):
        made = self.made
        try:
            token = self.source.token()
        except (errors.TransportError, errors.AuthenticationError):
            assert not any(self.left(token) > 0 for token in list(self.ends)[-1:])  # there was no good one
        else:
            assert self.left(token) > 0
            if self.made == made and self.broken is None:
                since, life_s = self.ends[token]
                due_s = life_s - 300 if life_s >= 1500 else 0.8 * life_s
                waits = self.hands.monotonic < self.source._asleep_until
                assert waits or self.hands.clock - since < due_s + 1e-6
        assert self.made - made <= 1

    @precondition(lambda self: self.ends)
    @rule(data=st.data())
    def a_token_is_refused(self, data):
        refused = data.draw(st.sampled_from(list(self.ends)))
        made, is_newest = self.made, refused == list(self.ends)[-1]
        try:
            assert self.source.renew(refused) not in {refused, None}
        except (errors.TransportError, errors.AuthenticationError):
            assert is_newest
        assert self.made - made <= is_newest

    def left(self, token):
        since, life_s = self.ends[token]
        return life_s - (self.hands.clock - since)

    @invariant()
    def it_shows_nothing(self):
        assert "token-" not in repr(self.source) + repr(vars(self.source))


TestLife = Life.TestCase


def test_an_interrupt_is_for_the_thread_that_was_interrupted():
    asking, others = threading.Event(), []
    answers = iter([KeyboardInterrupt(), "good-token"])

    def make(_):
        answer = next(answers)
        if isinstance(answer, BaseException):
            asking.set()
            waiting.wait(10)
            raise answer
        return Grant(Secret(answer))

    waiting = threading.Event()
    source = TokenSource(make)

    def other():
        asking.wait(10)
        waiting.set()
        try:
            others.append(source.token(10.0).reveal())
        except errors.TransportError as error:
            others.append(str(error))

    thread = threading.Thread(target=other)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        source.token()
    thread.join(10)
    assert others in (["The sign-in was interrupted."], ["good-token"])
    assert source.token().reveal() == "good-token"
