async () => {
    const { placeLabels } = await import("/static/js/show/place_labels.js");
    const boxes = [[0, 0, 0, 0], [-500, -500, -400, -400], [0, 0, 1e9, 1e9], [5, 5, 5, 900]];
    const marks = boxes.map(([x, y, right, bottom], index) => ({
        id: `${index}`, kind: "line", bounds: { x, y, right, bottom },
        corners: [[x, y], [right, y], [right, bottom], [x, bottom]], label: index ? "TEXT" : "",
    }));
    const options = { size: 2, measure: (text, size) => ({ width: text.length * size, up: size, down: 0 }), width: 1, height: 1 };
    return placeLabels(marks, options).length;
}
