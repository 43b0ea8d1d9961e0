/* The two hot ways of a packet: "read from a socket, decrypt, take apart" and "encode, number, encrypt, send"; and
 * decoding, which costs more by way of ctypes.
 *
 * It keeps no state of a call: SRTP contexts, Opus encoders and decoders are those that the Python way uses, made by the
 * same libraries, whose functions are handed in as addresses. So both ways may be mixed packet by packet, nothing is
 * linked against, and no key passes through here. Sequence numbers, timestamps and counters come from Python.
 *
 * Everything is done by one thread at a time. Nothing here allocates but core_new, nothing waits, nothing logs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    HEADER_BYTES = 12,
    MAX_DATAGRAM_BYTES = 2048,
    MAX_SRTP_BYTES = 1500,
    MAX_OPUS_BYTES = 1275,
    MAX_OPUS_SAMPLES = 5760,
    TRAILER_BYTES = 16 + 128, /* what SRTP may append */
};

/* What core_receive found; core.py names them too. */
enum { NOTHING, RTP, MALFORMED, REJECTED, OTHER };

typedef int (*crypt_fn)(void *context, void *packet, int *length);
typedef int (*encode_fn)(void *encoder, const int16_t *pcm, int samples, unsigned char *packet, int32_t room);
typedef int (*decode_fn)(void *decoder, const char *packet, int32_t length, void *pcm, int samples, int fec);

/* Read by Python as one block: keep its order, and FIELDS in core.py. */
struct found {
    double arrival_s; /* CLOCK_MONOTONIC */
    uint32_t timestamp, ssrc;
    int32_t length; /* of the datagram, or of what became of it */
    int32_t payload_type, marker, sequence, start, end;
    int32_t known_source; /* it came from where the one before came from */
};

typedef struct core {
    crypt_fn protect, unprotect;
    struct found found;
    int payload_bytes; /* that core_encode left for core_transmit */
    socklen_t source_bytes, target_bytes;
    struct sockaddr_storage source, target;
    unsigned char in[MAX_DATAGRAM_BYTES + 1];
    unsigned char out[HEADER_BYTES + MAX_OPUS_BYTES + TRAILER_BYTES];
} core;

static core *core_new(uintptr_t protect, uintptr_t unprotect)
{
    core *made = calloc(1, sizeof(core));
    if (made) {
        made->protect = (crypt_fn)protect;
        made->unprotect = (crypt_fn)unprotect;
    }
    return made;
}

static const void *core_found(core *self)
{
    return &self->found;
}

static const void *core_in(core *self)
{
    return self->in;
}

static double seconds(const struct timespec *time)
{
    return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

/* When the kernel took the packet, on the monotonic clock; now, where it does not say or the clock was set since. */
static double arrival_s(struct msghdr *message)
{
    struct timespec now, wall, stamp;
    struct cmsghdr *part;
    double age_s;

    clock_gettime(CLOCK_MONOTONIC, &now);
    for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
            clock_gettime(CLOCK_REALTIME, &wall);
            memcpy(&stamp, CMSG_DATA(part), sizeof(stamp));
            age_s = seconds(&wall) - seconds(&stamp);
            return seconds(&now) - (age_s > 0 && age_s < 1 ? age_s : 0);
        }
    return seconds(&now);
}

static uint32_t word(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put_word(unsigned char *at, uint32_t value)
{
    value = htonl(value);
    memcpy(at, &value, sizeof(value));
}

/* Take a decrypted packet apart (RFC 3550 section 5.1), as parse_rtp does. */
static int parse(core *self, int length)
{
    const unsigned char *in = self->in;
    struct found *found = &self->found;
    int start = HEADER_BYTES, end = length;

    found->length = length;
    if (length < HEADER_BYTES || in[0] >> 6 != 2)
        return MALFORMED;
    start += 4 * (in[0] & 0x0F);
    if (in[0] & 0x10) {
        if (length < start + 4)
            return MALFORMED;
        start += 4 + 4 * (in[start + 2] << 8 | in[start + 3]);
    }
    if (in[0] & 0x20) {
        if (!in[length - 1])
            return MALFORMED;
        end -= in[length - 1];
    }
    if (end < start)
        return MALFORMED;
    found->payload_type = in[1] & 0x7F;
    found->marker = in[1] >> 7;
    found->sequence = in[2] << 8 | in[3];
    found->timestamp = word(in + 4);
    found->ssrc = word(in + 8);
    found->start = start;
    found->end = end;
    return RTP;
}

/* Decrypt the datagram that is in place, if it is SRTP (RFC 7983, RFC 5761 section 4). */
static int opened(core *self, void *context, int length)
{
    const unsigned char *in = self->in;

    self->found.length = length;
    if (length < 2 || length > MAX_SRTP_BYTES || in[0] < 128 || in[0] > 191 || (in[1] >= 192 && in[1] <= 223))
        return OTHER;
    if (self->unprotect(context, self->in, &length))
        return REJECTED;
    return parse(self, length);
}

/* Take the next datagram that waits at a socket; NOTHING where none does. */
static int core_receive(core *self, uintptr_t context, int fd)
{
    char control[CMSG_SPACE(sizeof(struct timespec))];
    struct sockaddr_storage source;
    struct iovec room = {self->in, sizeof(self->in)};
    struct msghdr message = {
        .msg_name = &source,
        .msg_namelen = sizeof(source),
        .msg_iov = &room,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);

    self->found.length = length < 0 ? -errno : (int)length;
    if (length < 0)
        return NOTHING;
    self->found.arrival_s = arrival_s(&message);
    self->found.known_source =
        message.msg_namelen == self->source_bytes && !memcmp(&source, &self->source, self->source_bytes);
    if (!self->found.known_source) {
        self->source_bytes = message.msg_namelen;
        memcpy(&self->source, &source, message.msg_namelen);
    }
    return opened(self, (void *)context, (int)length);
}

/* Write where the latest datagram came from, as Python would; the port, or -1. */
static int core_source(core *self, char *host, int room)
{
    char port[8];

    if (getnameinfo((struct sockaddr *)&self->source, self->source_bytes, host, room, port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV))
        return -1;
    return atoi(port);
}

/* Say where core_transmit sends to; 0, or -1 for an address that only Python can handle. */
static int core_aim(core *self, int ipv6, const char *host, int port)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&self->target;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&self->target;

    memset(&self->target, 0, sizeof(self->target));
    self->target_bytes = ipv6 ? sizeof(*six) : sizeof(*four);
    if (ipv6) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        return inet_pton(AF_INET6, host, &six->sin6_addr) == 1 ? 0 : -1;
    }
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    return inet_pton(AF_INET, host, &four->sin_addr) == 1 ? 0 : -1;
}

/* Encode a frame and keep the payload; its length, or libopus's error. */
static int core_encode(core *self, uintptr_t encode, uintptr_t encoder, const char *pcm, int samples)
{
    unsigned char *payload = self->out + HEADER_BYTES;
    int length = ((encode_fn)encode)((void *)encoder, (const int16_t *)pcm, samples, payload, MAX_OPUS_BYTES);

    self->payload_bytes = length > 0 ? length : 0;
    return length;
}

/* Put a header before the payload, encrypt both and send them; 0, minus libsrtp's status, or errno where no datagram
 * could be sent. */
static int core_transmit(core *self, uintptr_t context, int fd, int second_byte, int sequence, uint32_t timestamp,
                         uint32_t ssrc)
{
    unsigned char *out = self->out;
    int length = HEADER_BYTES + self->payload_bytes, status;

    out[0] = 0x80;
    out[1] = second_byte;
    out[2] = sequence >> 8;
    out[3] = sequence;
    put_word(out + 4, timestamp);
    put_word(out + 8, ssrc);
    self->payload_bytes = 0; /* it is about to be encrypted: it cannot be sent twice */
    status = self->protect((void *)context, out, &length);
    if (status)
        return -status;
    if (sendto(fd, out, length, MSG_DONTWAIT, (struct sockaddr *)&self->target, self->target_bytes) < 0)
        return errno;
    return 0;
}

/* What libopus makes of a packet, or of none; the samples, or its error. */
static int core_decode(uintptr_t decode, uintptr_t decoder, const char *packet, int length, void *pcm, int samples,
                       int fec)
{
    return ((decode_fn)decode)((void *)decoder, packet, length, pcm, samples, fec);
}

/* Where the data of the first frame begins (RFC 6716 section 3.2); no frame is left where that cannot be told. */
static int first_data(const unsigned char *in, int length, int *count)
{
    int at = 2, frame;

    if ((in[0] & 3) < 2)
        return 1;
    if ((in[0] & 3) == 2)
        return length > 1 && in[1] >= 252 ? 3 : 2;
    if (in[1] & 0x40) {
        while (at < length && in[at] == 255)
            at++;
        at++;
    }
    if (in[1] & 0x80)
        for (frame = 1; frame < *count; frame++) {
            if (at >= length) {
                *count = 0;
                return 0;
            }
            at += in[at] < 252 ? 1 : 2;
        }
    return at;
}

/* The samples of an Opus packet times two, plus one if it has a copy of the one before; 0 for a malformed one. */
static int core_describe(const char *data, int length)
{
    static const short voice[4] = {480, 960, 1920, 2880}, spectrum[4] = {120, 240, 480, 960};
    const unsigned char *in = (const unsigned char *)data;
    int configuration, count, samples, flags, at;

    if (length < 1)
        return 0;
    configuration = in[0] >> 3;
    count = (in[0] & 3) < 3 ? 1 + ((in[0] & 3) > 0) : length > 1 ? in[1] & 0x3F : 0;
    samples = configuration < 12 ? voice[configuration & 3]
              : configuration < 16 ? 480 << (configuration & 1) : spectrum[configuration & 3];
    samples *= count;
    if (samples <= 0 || samples > MAX_OPUS_SAMPLES)
        return 0;
    if (length < 3 || in[0] & 0x80)
        return 2 * samples;
    at = first_data(in, length, &count);
    if (!count || at >= length)
        return 2 * samples;
    flags = configuration < 12 && configuration % 4 ? configuration % 4 : 1; /* one for each 20 ms */
    return 2 * samples + (in[at] >> (7 - flags) & 1);
}
