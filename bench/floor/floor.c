/* The least that a program can spend on a call: 50 packets a second each way, and nothing around them.
 *
 *     floor MY_PORT THEIR_PORT SPEECH.wav
 *
 * The same work as a call of the agent between files: Opus at 48 kHz, mono, 20 ms, 64 kbit/s, as the agent sets it;
 * SRTP with the same cipher; UDP on loopback; a decoded frame is put into a ring. One process, one thread: timerfd,
 * epoll, libopus, libsrtp2. No ICE, DTLS, RTCP, jitter buffer, statistics: the distance to the agent is their price and
 * that of Python.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <opus/opus.h>
#include <srtp2/srtp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { FRAME = 960, WAV_HEADER = 44, MOST_BYTES = 8 << 20, RING = 64, MAX_SAMPLES = 5760 };

static void must(int fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "floor: %s\n", what);
        exit(1);
    }
}

static srtp_t session(int outward)
{
    static unsigned char key[28] = "the key of both ends of it.";
    srtp_policy_t policy;
    srtp_t made;

    memset(&policy, 0, sizeof(policy));
    must(!srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, srtp_profile_aead_aes_128_gcm), "no AES-GCM");
    must(!srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, srtp_profile_aead_aes_128_gcm), "no AES-GCM");
    policy.ssrc.type = outward ? ssrc_any_outbound : ssrc_any_inbound;
    policy.key = key;
    policy.window_size = 1024;
    must(!srtp_create(&made, &policy), "no SRTP session");
    return made;
}

static OpusEncoder *encoder(void)
{
    int error;
    OpusEncoder *made = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &error);

    must(!error, "no encoder");
    opus_encoder_ctl(made, OPUS_SET_SIGNAL(OPUS_SIGNAL_MUSIC));
    opus_encoder_ctl(made, OPUS_SET_MAX_BANDWIDTH(OPUS_BANDWIDTH_WIDEBAND));
    opus_encoder_ctl(made, OPUS_SET_BITRATE(64000));
    opus_encoder_ctl(made, OPUS_SET_COMPLEXITY(5));
    opus_encoder_ctl(made, OPUS_SET_INBAND_FEC(1));
    opus_encoder_ctl(made, OPUS_SET_PACKET_LOSS_PERC(0));
    return made;
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static void watch(int poll, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    must(!epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event), "no epoll");
}

int main(int count, char **words)
{
    static unsigned char wav[MOST_BYTES], packet[2048];
    static int16_t ring[RING][MAX_SAMPLES];
    struct itimerspec beat = {{0, 20000000}, {0, 20000000}};
    struct sockaddr_in mine, theirs;
    uint16_t sequence = 1;
    uint32_t timestamp = 0, ssrc;
    int file, poll, plug, timer, frames, sent = 0, heard = 0, error;

    must(count == 4, "usage: floor MY_PORT THEIR_PORT SPEECH.wav");
    must(!srtp_init(), "no libsrtp");
    srtp_t in = session(0), out = session(1);
    OpusEncoder *mouth = encoder();
    OpusDecoder *ear = opus_decoder_create(48000, 1, &error);
    must(!error && (file = open(words[3], O_RDONLY)) >= 0, "no sound");
    frames = (read(file, wav, sizeof(wav)) - WAV_HEADER) / (2 * FRAME);
    must(frames > 0, "too little sound");
    mine = loopback(ssrc = atoi(words[1]));
    theirs = loopback(atoi(words[2]));
    plug = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    must(!bind(plug, (struct sockaddr *)&mine, sizeof(mine)), "no port");
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    must(!timerfd_settime(timer, 0, &beat, NULL), "no timer");
    watch(poll = epoll_create1(0), timer);
    watch(poll, plug);
    for (;;) {
        struct epoll_event events[2];
        int ready = epoll_wait(poll, events, 2, -1), length, each;
        uint64_t beats;

        for (each = 0; each < ready; each++)
            if (events[each].data.fd == plug) {
                while ((length = recv(plug, packet, sizeof(packet), 0)) > 0)
                    if (!srtp_unprotect(in, packet, &length) &&
                        opus_decode(ear, packet + 12, length - 12, ring[heard % RING], MAX_SAMPLES, 0) == FRAME &&
                        ++heard == 50) {
                        puts("heard");
                        fflush(stdout);
                    }
            } else if (read(timer, &beats, sizeof(beats)) == sizeof(beats)) {
                uint32_t words_of[2] = {htonl(timestamp), htonl(ssrc)};

                packet[0] = 0x80;
                packet[1] = 111;
                packet[2] = sequence >> 8;
                packet[3] = sequence;
                memcpy(packet + 4, words_of, sizeof(words_of));
                length = 12 + opus_encode(mouth, (int16_t *)(wav + WAV_HEADER) + FRAME * (sent++ % frames), FRAME,
                                          packet + 12, 1275);
                sequence++;
                timestamp += FRAME;
                if (length > 12 && !srtp_protect(out, packet, &length))
                    (void)!sendto(plug, packet, length, 0, (struct sockaddr *)&theirs, sizeof(theirs));
            }
    }
}
