() => [...document.querySelectorAll(".overlay .label")].map((label) => {
    const { x, y, width, height } = label.getBBox();
    return [x + 2, y + height / 2, label.getAttribute("fill")];
})
