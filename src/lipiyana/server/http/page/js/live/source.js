// Frames of a camera or of a video file, as JPEGs.

const LONGEST_SIDE = 1280; // pixels that are sent: enough for plates of near vehicles
const QUALITY = 0.85;

/** Open the camera; gives a playing `<video>`. Throws an Error in plain words. */
export async function openCamera() {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error("The browser gives a camera only to pages of this machine or over https.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } },
    });
  } catch (error) {
    throw new Error({
      NotAllowedError: "The camera was not allowed. The browser's settings for this page allow it.",
      NotFoundError: "This machine has no camera.",
      NotReadableError: "Another program uses the camera.",
    }[error.name] || `The camera cannot be opened (${error.name}).`);
  }
  const video = element();
  video.srcObject = stream;
  await video.play();
  return video;
}

/** Open a video file; gives a `<video>` that is ready to play. */
export async function openFile(file) {
  const video = element();
  video.src = URL.createObjectURL(file);
  await new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => {
      reject(new Error("This browser cannot play this video. MP4 (H.264) and WebM usually work."));
    }, { once: true });
  });
  return video;
}

/** Give back the camera, or the memory of the file. */
export function release(video) {
  video.pause();
  for (const track of video.srcObject?.getTracks() || []) track.stop();
  if (video.src) URL.revokeObjectURL(video.src);
  video.srcObject = null;
  video.removeAttribute("src");
}

/** The frame that is shown now, as a JPEG. */
export async function grab(video, canvas) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => { canvas.toBlob(done, "image/jpeg", QUALITY); });
}

/** Call `show` once when the next frame is shown. */
export function onNextFrame(video, show) {
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(show);
  else requestAnimationFrame(show);
}

function element() {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true });
  video.setAttribute("aria-label", "Live picture");
  return video;
}
