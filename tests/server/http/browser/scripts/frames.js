(count) => new Promise((done) => {
    const video = document.querySelector("#frame video");
    const step = (left) => (left ? video.requestVideoFrameCallback(() => step(left - 1)) : done(true));
    step(count);
})
