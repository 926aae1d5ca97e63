import pandas
from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    return pandas.DataFrame({"a": [1, 2, 3]}).describe().to_json()


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080)
