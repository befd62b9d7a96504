/* A camera's stream: requests go round between libcamera and one consumer, without Python. */
#ifndef IMX500_LIBCAMERA_RUN_LOOP_H
#define IMX500_LIBCAMERA_RUN_LOOP_H

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include <libcamera/camera.h>
#include <libcamera/controls.h>
#include <libcamera/request.h>

namespace imx500 {

/* One request, with a buffer for the picture on it. */
struct loop_slot {
    libcamera::Request *request;
    /* The dma-buf of the picture, whose caches need care around each access; -1 for none. A
     * session duplicates the descriptor: a picture may outlive who allocated it. */
    int dma_buf;
    bool in_access;
    bool held;
    /* When libcamera completed it, on the clock of the sensor timestamps. */
    std::int64_t completed_ns;
};

/* A file descriptor that is closed with its owner. */
class descriptor {
  public:
    explicit descriptor(int number) noexcept : number_(number) {}
    descriptor(descriptor &&other) noexcept : number_(std::exchange(other.number_, -1)) {}
    ~descriptor();

    int number() const noexcept { return number_; }

  private:
    int number_;
};

struct loop_counts {
    std::uint64_t completed;
    std::uint64_t dropped;
    /* Since the last good frame. */
    std::uint64_t cancelled;
    /* How long that is ago, or the last time that the camera was given a buffer: one that has none
     * is not to blame. */
    std::int64_t silent_ns;
};

enum turn {
    TURN_FRAME,
    TURN_NOTHING,
    TURN_STOPPED,
};

/* One session, from start to stop; a new start is a new object.
 *
 * The camera's thread puts completed requests in; one consumer takes them out and requeues what
 * `give_back` collected. `give_back` may be called by any thread at any time, also after `stop`,
 * and never touches the camera. The camera and the requests must outlive the session, not the
 * object.
 */
class run_loop {
  public:
    /* The cookie of each request is its index. With `only_latest`, a completed request that
     * nobody has taken when the next one completes goes straight back to the camera. Throws
     * std::system_error where there is no file descriptor left. */
    run_loop(libcamera::Camera &camera, const std::vector<loop_slot> &slots, bool only_latest);
    ~run_loop();

    run_loop(const run_loop &) = delete;
    run_loop &operator=(const run_loop &) = delete;

    /* Start the camera with the controls on `carrier` and queue every request; minutes where a
     * network must be uploaded. Returns 0 or a negative errno. */
    int start(libcamera::Request &carrier);
    /* Returns when libcamera has handed back every request; whoever waits is told. */
    int stop();

    /* The oldest completed request, by index, and how many are out with it. It stays out of the
     * camera until `give_back`. */
    turn take(std::size_t &index, std::size_t &held) noexcept;
    /* Wait for something to take; negative for ever. May return early, on a signal for one. */
    void wait(int timeout_ms) noexcept;

    /* Make the picture of a taken request readable by the processor; from any thread, also after
     * `stop`, until `give_back`. */
    void begin_access(std::size_t index) noexcept;
    bool needs_access(std::size_t index) const noexcept { return slots_[index].dma_buf >= 0; }

    /* Of a taken request. */
    std::int64_t completed_ns(std::size_t index) const noexcept {
        return slots_[index].completed_ns;
    }

    void give_back(std::size_t index) noexcept;
    /* Take the controls on `carrier` for the next request that is queued; later values replace
     * earlier ones. The carrier itself is never queued: the bindings convert values onto requests
     * only. */
    void set_controls(libcamera::Request &carrier);

    bool running() const noexcept;
    loop_counts counts() const noexcept;
    /* Whether this request was taken and not given back. */
    bool holds(std::size_t index) const noexcept;
    /* Becomes readable when there may be something to take. */
    int event_fd() const noexcept { return event_fd_.number(); }

  private:
    void completed(libcamera::Request *request);
    void queue(std::size_t index);
    void queue_all(std::vector<std::size_t> &indices);
    void wake() noexcept;
    bool forked() const noexcept;

    libcamera::Camera &camera_;
    const bool only_latest_;
    const descriptor event_fd_;
    const unsigned int process_;

    mutable std::mutex lock_;
    std::vector<loop_slot> slots_;
    std::vector<descriptor> dma_bufs_;
    std::vector<std::size_t> ready_;
    std::vector<std::size_t> returned_;
    std::vector<std::size_t> parked_;
    libcamera::ControlList pending_;
    loop_counts counts_ = {};
    std::int64_t busy_ns_ = 0;
    std::size_t held_ = 0;
    bool running_ = false;
    /* Whether event_fd_ is readable: to write or read it again is a system call for nothing. */
    bool signalled_ = false;
};

} // namespace imx500

#endif
