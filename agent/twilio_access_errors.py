"""The voice service's error catalogue, first half: who may do what, and how it has to be asked (spec: device 12)."""

from __future__ import annotations

from agent.errors import TwilioError

_MINT_ANEW = "Mint a new token with an API key of this account"


class AuthorizationErrors:
    """The token or the account does not allow it."""

    class AccessTokenInvalid(TwilioError, code=20101):
        """The access token is not valid."""

        explanation = "The service could not read or verify the access token."
        causes = ("The token was cut short or changed", "It was signed with another key than its issuer's")
        solutions = (_MINT_ANEW,)

    class AccessTokenExpired(TwilioError, code=20104):
        """The access token has expired, or its expiry cannot be used."""

        explanation = "The token's time is over, or it was minted for longer than the service allows."
        causes = ("Nothing renewed the token in time", "The clock of this machine or of the token server is wrong")
        solutions = ("Give the device a new token before the old one expires", "Synchronise the clocks")

    class AuthenticationFailed(TwilioError, code=20151):
        """Authentication failed."""

        explanation = "The service does not accept this token for a phone."
        causes = ("The token grants no voice", "The account is suspended")
        solutions = ("Mint the token with a voice grant", "Look at the account in its console")

    class AuthorizationError(TwilioError, code=31201):
        """The request is not authorised."""

        explanation = "The service knows us and does not let us do this."
        causes = ("The token has no grant for it",)
        solutions = ("Mint the token with the grants that it needs",)

    class NoValidAccountError(TwilioError, code=31203):
        """There is no valid account."""

        explanation = "The account that the token names cannot be used."
        causes = ("The account is closed or suspended", "The token names an account that is not its key's")
        solutions = ("Look at the account in its console",)

    class InvalidJWTTokenError(TwilioError, code=31204):
        """The access token is not valid."""

        explanation = "The service could not make sense of the token, or does not trust who signed it."
        causes = ("The token was cut short or changed", "The key that signed it was deleted")
        solutions = (_MINT_ANEW,)

    class JWTTokenExpiredError(TwilioError, code=31205):
        """The access token has expired."""

        explanation = "The token's time is over."
        causes = ("Nothing renewed the token in time",)
        solutions = ("Give the device a new token",)

    class RateExceededError(TwilioError, code=31206):
        """More was asked than is allowed in such a time."""

        explanation = "The service limits how often this may be asked."
        causes = ("Another phone has the same identity", "A program asks again and again")
        solutions = ("Wait", "Give each phone an identity of its own")

    class JWTTokenExpirationTooLongError(TwilioError, code=31207):
        """The access token lives too long."""

        explanation = "The token claims a longer life than the service allows, which is a day."
        causes = ("The token server was told too long a life", "Its clock is wrong")
        solutions = ("Mint tokens for at most 24 hours",)

    class ReconnectAttemptError(TwilioError, code=31209):
        """This call may not be taken up again."""

        explanation = "A call was to be resumed on a new connection, and the service does not allow it."
        causes = ("The token belongs to another identity than the call",)
        solutions = ("Renew tokens for the same identity",)

    class CallMessageEventTypeInvalidError(TwilioError, code=31210):
        """The type of a call's message is not known."""

        explanation = "A message in a call has a type that the service does not take."
        causes = ("The message type is misspelt",)
        solutions = ('Use "user-defined-message"',)

    class PayloadSizeExceededError(TwilioError, code=31212):
        """The message of a call is too long."""

        explanation = "A message in a call is longer than the service takes."
        causes = ("Its content is too long",)
        solutions = ("Send less, or in several messages",)


class SignatureValidationErrors:
    """The token is not what its issuer signed."""

    class AccessTokenSignatureValidationFailed(TwilioError, code=31202):
        """The signature of the access token is not valid."""

        explanation = "The token's signature does not fit its content and the key that it names."
        causes = ("The secret is not that of the API key", "The key was deleted", "The token was changed on its way")
        solutions = ("Check the key and its secret", _MINT_ANEW)


class MalformedRequestErrors:
    """The service could not understand what it was asked."""

    class MalformedRequestError(TwilioError, code=31100):
        """The request cannot be understood."""

        explanation = "A message that was sent to the service is not formed as it expects."
        causes = ("Program and service speak another generation of the protocol",)
        solutions = ("Install the program's latest version", "Check the generation in the settings")

    class MissingParameterArrayError(TwilioError, code=31101):
        """A request has no parameters."""

        explanation = "A call was started without the part that holds its parameters."

    class AuthorizationTokenMissingError(TwilioError, code=31102):
        """A request has no access token."""

        explanation = "The service was greeted without a token."
        causes = ("The token is empty",)
        solutions = ("Check where tokens come from",)

    class MaxParameterLengthExceededError(TwilioError, code=31103):
        """The parameters of a call are too long."""

        explanation = "The parameters that go with a call are longer than the service takes."
        causes = ("The program gives too much with a call",)
        solutions = ("Give less with the call: a name for what is kept elsewhere",)

    class InvalidBridgeTokenError(TwilioError, code=31104):
        """The bridge token is not valid."""

        explanation = "What joins this leg to its call could not be read or verified."

    class InvalidClientNameError(TwilioError, code=31105):
        """The client's name is not allowed."""

        explanation = "An identity has characters that the service does not take, or too many of them."
        causes = ("The identity has spaces, punctuation or more than 121 characters",)
        solutions = ("Use letters, digits and underscores for the identity",)

    class ReconnectParameterInvalidError(TwilioError, code=31107):
        """What should take a call up again is not valid."""

        explanation = "A call was to be resumed with a token that the service does not know."
        causes = ("The token is old, or of another call", "The call has ended meanwhile")
        solutions = ("Begin a new call",)
