"""The voice service's error catalogue, second half: what becomes of calls and connections (spec: device 12)."""

from __future__ import annotations

from agent.errors import TwilioError


class ClientErrors:
    """What the service or the network of telephones answered, as HTTP and SIP count it."""

    class BadRequest(TwilioError, code=31400):
        """A message was incomplete."""

        explanation = "A message lacked a part without which it has no meaning."

    class NotFound(TwilioError, code=31404):
        """Whom the call is for was not found."""

        explanation = "Nobody has the name or number that was called."
        causes = ("It is misspelt", "The called side is not registered")
        solutions = ("Check what the application dials",)

    class TemporarilyUnavailable(TwilioError, code=31480):
        """Whom the call is for cannot be reached now."""

        explanation = "The called side exists and does not answer at present."
        causes = ("It is switched off, or out of reach",)
        solutions = ("Try again later",)

    class BusyHere(TwilioError, code=31486):
        """The called side is busy."""

        explanation = "The called side is in another call."
        solutions = ("Try again later",)


class SIPServerErrors:
    """What the called side answered for all its phones, as SIP counts it."""

    class Decline(TwilioError, code=31603):
        """The called side declined."""

        explanation = "The called side was reached and does not want the call."


class GeneralErrors:
    """What has no group of its own."""

    class UnknownError(TwilioError, code=31000):
        """Something failed for an unknown reason."""

        explanation = "The far side reported a failure that has no entry of its own."

    class ApplicationNotFoundError(TwilioError, code=31001):
        """The application was not found."""

        explanation = "The application that the token names for outgoing calls does not exist."
        causes = ("It was deleted", "Its sid is misspelt")
        solutions = ("Check the application's sid (AP...) where tokens are minted",)

    class ConnectionDeclinedError(TwilioError, code=31002):
        """The call was declined."""

        explanation = "The service or the called side does not take the call."
        causes = ("The application rejects it", "The account may not call there")
        solutions = ("Look at the call in the service's log",)

    class ConnectionTimeoutError(TwilioError, code=31003):
        """The connection took too long."""

        explanation = "The far side did not answer in time."
        causes = ("The network is slow or blocked",)
        solutions = ("Check the network and the firewall",)

    class ConnectionError(TwilioError, code=31005):
        """The voice gateway ended the call with an error."""

        explanation = "The gateway could not set up or keep the call."
        causes = ("The called side refused or could not be reached",)
        solutions = ("Look at the call in the service's log",)

    class CallCancelledError(TwilioError, code=31008):
        """The call was given up."""

        explanation = "The call ended before it was answered."
        causes = ("Its caller hung up",)

    class TransportError(TwilioError, code=31009):
        """There is no signaling connection to send on."""

        explanation = "A message could not be sent because the secure WebSocket is not open."
        causes = ("The network is down", "The service restarts")
        solutions = ("Wait: the connection is opened again by itself",)


class UserMediaErrors:
    """The microphone cannot be used."""

    class PermissionDeniedError(TwilioError, code=31401):
        """The microphone may not be used."""

        explanation = "The program was refused the sound device."
        causes = ("The user of the process may not open it",)
        solutions = ("Give the user the group `audio`",)

    class AcquisitionFailedError(TwilioError, code=31402):
        """The microphone could not be opened."""

        explanation = "The sound device is there and cannot be used, or is not there."
        causes = ("Another program has it", "It was unplugged")
        solutions = ("End the other program", "Check the sound device in the settings")


class SignalingErrors:
    """The connection to the service."""

    class ConnectionError(TwilioError, code=53000):
        """The signaling connection failed."""

        explanation = (
            "The connection to the voice service ended without a closing handshake, or the service reported an error."
        )
        causes = ("The network is down or blocks secure WebSockets", "The host name of the service is wrong")
        solutions = ("Check the network and the firewall", "Check edge, region or server in the settings")

    class ConnectionDisconnected(TwilioError, code=53001):
        """The signaling connection is down."""

        explanation = "What was asked needs the signaling connection, and it is not open."
        causes = ("The network is down", "The certificate of the service is not trusted")
        solutions = ("Try again when the device is ready", "Check the network, the clock and the certificates")


class MediaErrors:
    """The sound of a call."""

    class ClientLocalDescFailed(TwilioError, code=53400):
        """The local session description could not be made or applied."""

        explanation = "The media engine refused its own offer or answer."

    class ClientRemoteDescFailed(TwilioError, code=53402):
        """The remote session description could not be applied."""

        explanation = "The description from the far side has no codec or transport in common with this device."

    class ConnectionError(TwilioError, code=53405):
        """The media connection failed."""

        explanation = "No audio path to the far side could be found, or the one in use was lost."
        causes = ("A firewall blocks UDP", "The network changed or is too weak")
        solutions = ("Allow outgoing UDP, or configure a TURN server", "Switch on the recovery of media")
